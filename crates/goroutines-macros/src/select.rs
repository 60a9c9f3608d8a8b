//! `select!`: its grammar, which is crossbeam-channel's, and what it becomes.
//!
//! Not here: how a case is chosen. The expansion evaluates the channels in the order of the source, lets
//! `__private::select` choose, and runs one arm. The arms stay outside of closures and loops, so
//! `break`, `continue`, `return` and `?` in them belong to the user's code around.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Expr, Ident, Pat, Path, Result, Token, parenthesized, token};

const KINDS: &str = "expected one of `recv(channel) -> result => …`, \
     `send(channel, value) -> result => …`, `default => …`, `default(timeout) => …`";

/// Expands `path; biased; what the user wrote`.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let select: Select = syn::parse2(input)?;
    Ok(select.into_tokens())
}

struct Select {
    root: Path,
    biased: syn::LitBool,
    arms: Vec<Arm>,
    default: Option<Default>,
}

/// `recv(channel) -> pat => body` or `send(channel, value) -> pat => body`.
struct Arm {
    channel: Expr,
    /// What a send arm sends.
    value: Option<Expr>,
    pat: Pat,
    body: Expr,
}

/// `default => body` or `default(timeout) => body`.
struct Default {
    timeout: Option<Expr>,
    body: Expr,
}

impl Parse for Select {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let root = Path::parse_mod_style(input)?;
        input.parse::<Token![;]>()?;
        let biased = input.parse()?;
        input.parse::<Token![;]>()?;
        let (mut arms, mut default) = (Vec::new(), None);
        while !input.is_empty() {
            let Ok(kind) = input.fork().parse::<Ident>() else {
                return Err(input.error(KINDS));
            };
            if kind == "recv" || kind == "send" {
                arms.push(Arm::parse(input)?);
            } else if kind == "default" {
                if default.is_some() {
                    return Err(input.error("there can be only one `default` in a `select!`"));
                }
                default = Some(Default::parse(input)?);
            } else {
                return Err(input.error(KINDS));
            }
        }
        Ok(Self {
            root,
            biased,
            arms,
            default,
        })
    }
}

impl Parse for Arm {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let kind: Ident = input.parse()?;
        if !input.peek(token::Paren) {
            return Err(input.error(format!("missing argument list after `{kind}`")));
        }
        let args;
        parenthesized!(args in input);
        let channel = args.parse()?;
        let mut value = None;
        if kind == "send" {
            if !args.peek(Token![,]) {
                return Err(
                    args.error("`send` needs a channel and a value: `send(channel, value)`")
                );
            }
            args.parse::<Token![,]>()?;
            if args.is_empty() {
                return Err(
                    args.error("`send` needs a channel and a value: `send(channel, value)`")
                );
            }
            value = Some(args.parse()?);
        }
        args.parse::<Option<Token![,]>>()?;
        if !args.is_empty() {
            return Err(args.error(format!("too many arguments for `{kind}`")));
        }
        if input.peek(Token![=>]) {
            return Err(input.error(format!("expected `->` and a pattern after `{kind}(…)`")));
        }
        input.parse::<Token![->]>()?;
        let pat = Pat::parse_multi_with_leading_vert(input)?;
        if input.peek(Token![->]) {
            return Err(input.error("expected `=>`, found `->`"));
        }
        let body = body(input)?;
        Ok(Self {
            channel,
            value,
            pat,
            body,
        })
    }
}

impl Parse for Default {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        input.parse::<Ident>()?;
        let mut timeout = None;
        if input.peek(token::Paren) {
            let args;
            parenthesized!(args in input);
            if !args.is_empty() {
                timeout = Some(args.parse()?);
                args.parse::<Option<Token![,]>>()?;
                if !args.is_empty() {
                    return Err(args.error("too many arguments for `default`"));
                }
            }
        }
        if input.peek(Token![->]) {
            return Err(input.error("expected `=>` after `default`, found `->`"));
        }
        let body = body(input)?;
        Ok(Self { timeout, body })
    }
}

/// `=> body`, and the comma, which may be left out at the end and behind a block.
fn body(input: ParseStream<'_>) -> Result<Expr> {
    input.parse::<Token![=>]>()?;
    if input.is_empty() {
        return Err(input.error("expected an expression after `=>`"));
    }
    let mut body = Expr::parse_with_earlier_boundary_rule(input)?;
    let mut inner = &mut body;
    // What a macro has parsed before, as `$arm:block`.
    while let Expr::Group(group) = inner {
        inner = &mut group.expr;
    }
    if let Expr::Block(block) = inner {
        // In the user's name, `unused_braces` would want to remove them.
        block.block.brace_token = token::Brace(Span::mixed_site());
    }
    if input.peek(Token![;]) {
        return Err(input.error("arms are separated by commas"));
    }
    let block = matches!(
        body,
        Expr::Block(_)
            | Expr::If(_)
            | Expr::Match(_)
            | Expr::Loop(_)
            | Expr::While(_)
            | Expr::ForLoop(_)
            | Expr::Unsafe(_)
            | Expr::Const(_)
            | Expr::TryBlock(_)
    );
    if input.is_empty() || input.peek(Token![,]) || block {
        input.parse::<Option<Token![,]>>()?;
        Ok(body)
    } else {
        Err(input.error("expected a comma between the arms"))
    }
}

/// A name that cannot meet the user's, at the place of what it stands for.
fn name(what: &str, number: usize, at: Span) -> Ident {
    Ident::new(
        &format!("{what}{number}"),
        Span::mixed_site().located_at(at),
    )
}

impl Select {
    fn into_tokens(self) -> TokenStream {
        let Self {
            root,
            biased,
            arms,
            default,
        } = self;
        let arm_root = quote! { #root::__private::select };
        if arms.is_empty() {
            return match default {
                None => quote! { #arm_root::nothing() },
                Some(Default {
                    timeout: None,
                    body,
                }) => quote! { { #body } },
                Some(Default {
                    timeout: Some(timeout),
                    body,
                }) => quote! {
                    {
                        let _ = #arm_root::select(
                            &[],
                            false,
                            #arm_root::limit_in(#timeout),
                            &mut #arm_root::Chosen::of(&[]),
                        );
                        #body
                    }
                },
            };
        }
        let mixed = Span::mixed_site();
        let (limit, default) = match default {
            None => (
                quote!(#arm_root::limit_none()),
                quote!(::core::unreachable!()),
            ),
            Some(Default {
                timeout: None,
                body,
            }) => (quote!(#arm_root::Limit::Now), quote!(#body)),
            Some(Default {
                timeout: Some(timeout),
                body,
            }) => (quote!(#arm_root::limit_in(#timeout)), quote!(#body)),
        };
        let (mut channels, mut operands, mut makes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut names, mut completes, mut runs) = (Vec::new(), Vec::new(), Vec::new());
        let (mut results, mut sends) = (Vec::new(), Vec::new());
        for (
            i,
            Arm {
                channel,
                value,
                pat,
                body,
            },
        ) in arms.into_iter().enumerate()
        {
            let at = channel.span();
            let (operand, arm) = (name("operand", i, at), name("arm", i, at));
            let chosen = Ident::new("chosen", mixed);
            channels.push(quote! { &(#channel) });
            match value {
                None => {
                    makes.push(quote_spanned! { mixed.located_at(at) =>
                        let #arm = {
                            use #arm_root::ReceiveFrom as _;
                            #arm_root::RecvArm::new(#operand.__receiver())
                        };
                    });
                    completes.push(quote_spanned! { mixed =>
                        #i => #arm.complete(&mut #chosen),
                    });
                    runs.push(quote_spanned! { mixed =>
                        #i => {
                            let #pat = #arm.result();
                            #body
                        }
                    });
                }
                Some(value) => {
                    makes.push(quote_spanned! { mixed.located_at(at) =>
                        let #arm = {
                            use #arm_root::SendTo as _;
                            #arm_root::SendArm::new(#operand.__sender())
                        };
                    });
                    let result = name("result", i, at);
                    sends.push(quote_spanned! { mixed =>
                        #i => {
                            #result = ::core::option::Option::Some(
                                #arm.permit(&mut #chosen).send(#value)
                            );
                        }
                    });
                    runs.push(quote_spanned! { mixed =>
                        #i => {
                            let ::core::option::Option::Some(#result) = #result else {
                                ::core::unreachable!()
                            };
                            let #pat = #result;
                            #body
                        }
                    });
                    results.push(result);
                }
            }
            operands.push(operand);
            names.push(arm);
        }
        let complete = if completes.is_empty() {
            quote_spanned! { mixed => break index; }
        } else {
            quote_spanned! { mixed =>
                let complete = match index {
                    #(#completes)*
                    _ => true,
                };
                if complete {
                    break index;
                }
            }
        };
        let send = if sends.is_empty() {
            TokenStream::new()
        } else {
            quote_spanned! { mixed =>
                match index {
                    #(#sends)*
                    _ => {}
                }
            }
        };
        quote_spanned! { mixed =>
            match (#(#channels,)* #limit) {
                (#(#operands,)* limit) => {
                    #(#makes)*
                    #(let mut #results = ::core::option::Option::None;)*
                    let index = {
                        let cases = [#(#names.case()),*];
                        // Dropped where it is, not moved into a call of `drop`: see `Choice`.
                        let mut chosen = #arm_root::Chosen::of(&cases);
                        let index = loop {
                            let index = #arm_root::select(&cases, #biased, limit, &mut chosen);
                            #complete
                        };
                        #send
                        index
                    };
                    match index {
                        #(#runs)*
                        _ => { #default }
                    }
                }
            }
        }
    }
}
