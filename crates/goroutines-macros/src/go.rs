//! The forms of `go!`: what the caller evaluates now, and what the goroutine does later.
//!
//! Not here: how a goroutine starts. The expansion ends in one call of `__private::go`.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::parse::{Parse, ParseStream};
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::token::Brace;
use syn::{Error, Expr, ExprCall, ExprMethodCall, Ident, Path, Result, Stmt, Token, UnOp};

const EMPTY: &str = "`go!` needs something to run:
    go!(f(a, b))        call a function; the arguments are evaluated now
    go!(x.method(a))    call a method; `x` moves into the goroutine
    go!(move || { … })  run a closure
    go!({ … })          run a block";

const ONE_ONLY: &str = "`go!` starts one goroutine from one expression; \
     put several statements in a block: `go!({ first(); second() })`";

const ASYNC: &str = "`go!` runs blocking code; remove `async` and `.await`, \
     or run the future in a goroutine: `go!(goroutines::block_on(future))`";

const PARAMETERS: &str = "the closure of `go!` takes no parameters; \
     to give it arguments, call it: `go!((|a, b| …)(x, y))`";

const UNWRAPPED: &str = "only this call would run in the goroutine: what is before it is evaluated now, \
     and may wait; to run all of it there: `go!(move || …)`";

/// Expands `path; what the user wrote`.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    let Go { mut root, work } = syn::parse2(input)?;
    // Errors point to the user's code. Still, to `#[track_caller]` a call in a macro is where the
    // outermost macro is: in the line of the user's `go!`.
    let place = work.span();
    let mut caller = Caller {
        span: Span::call_site().located_at(place),
        locals: Vec::new(),
    };
    for segment in &mut root.segments {
        let span = segment.ident.span().located_at(place);
        segment.ident.set_span(span);
    }
    let callable = match peel(work) {
        Expr::Call(call) => expand_call(call, &mut caller)?,
        Expr::MethodCall(call) => expand_method_call(call, &mut caller)?,
        Expr::Async(block) => return Err(Error::new_spanned(block.async_token, ASYNC)),
        Expr::Closure(closure) => {
            refuse_other_closures(&closure)?;
            closure.into_token_stream()
        }
        Expr::Block(mut block) => {
            // In the user's name, `unused_braces` would want to remove them.
            block.block.brace_token = Brace(caller.span);
            match block.block.stmts.last() {
                // As one writes it for `spawn`: clones are made now, for the closure to take along. As a
                // block of the goroutine it would do nothing but make a closure that nobody calls.
                Some(Stmt::Expr(Expr::Closure(closure), None)) => {
                    refuse_other_closures(closure)?;
                    block.into_token_stream()
                }
                _ => caller.goroutine(None, &block),
            }
        }
        block @ (Expr::ForLoop(_)
        | Expr::If(_)
        | Expr::Loop(_)
        | Expr::Match(_)
        | Expr::Unsafe(_)
        | Expr::While(_)) => caller.goroutine(None, &block),
        Expr::Macro(call) => caller.goroutine(None, &quote! { { #call } }),
        callable => callable.into_token_stream(),
    };
    let Caller { span, locals } = caller;
    Ok(quote_spanned! { span =>
        {
            #(#locals)*
            #root::__private::go(#callable);
        }
    })
}

/// What stands in the parentheses: the path of the crate, and the user's expression.
struct Go {
    root: Path,
    work: Expr,
}

impl Parse for Go {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let root = Path::parse_mod_style(input)?;
        input.parse::<Token![;]>()?;
        if input.is_empty() {
            return Err(Error::new(Span::call_site(), EMPTY));
        }
        let work = input.parse()?;
        if !input.is_empty() && !input.peek(Token![,]) {
            return Err(input.error(ONE_ONLY));
        }
        input.parse::<Option<Token![,]>>()?;
        if !input.is_empty() {
            return Err(input.error(ONE_ONLY));
        }
        Ok(Self { root, work })
    }
}

/// The part of the expansion that the caller runs before the goroutine exists.
struct Caller {
    /// Where the expansion is, as far as the compiler's messages are concerned.
    span: Span,
    locals: Vec<TokenStream>,
}

impl Caller {
    /// Evaluates `value` now and returns the local it is in.
    ///
    /// The name is hygienic, so it cannot meet a name of the user's; the position is the user's, so
    /// that errors point there.
    fn bind(&mut self, name: &str, value: &Expr) -> Ident {
        let local = Ident::new(name, Span::mixed_site().located_at(value.span()));
        self.locals.push(quote! { let #local = #value; });
        local
    }

    /// Evaluates the function or the receiver now.
    ///
    /// The second token stream belongs at the start of the goroutine: there the value becomes mutable,
    /// for closures that are `FnMut` and methods that take `&mut self`.
    fn bind_subject(&mut self, name: &str, value: &Expr) -> (TokenStream, Option<TokenStream>) {
        let local = self.bind(name, value);
        let rebind = quote! {
            #[allow(unused_mut)]
            let mut #local = #local;
        };
        (local.into_token_stream(), Some(rebind))
    }

    /// Evaluates the arguments now, and returns what the goroutine passes on.
    fn bind_args(&mut self, args: Punctuated<Expr, Token![,]>) -> TokenStream {
        let evaluated = evaluated(&args).count();
        let args = args.into_iter().enumerate().map(|(index, arg)| {
            if index >= evaluated || is_literal(&arg) {
                arg.into_token_stream()
            } else {
                self.bind(&format!("arg{index}"), &arg).into_token_stream()
            }
        });
        quote! { #(#args),* }
    }

    /// The closure that the goroutine runs: it evaluates `value` and drops it.
    fn goroutine(&self, prelude: Option<TokenStream>, value: &impl ToTokens) -> TokenStream {
        quote_spanned! { self.span =>
            move || {
                #prelude
                // The value may be of type `!`.
                #[allow(clippy::diverging_sub_expression)]
                let _ = #value;
            }
        }
    }
}

fn expand_call(call: ExprCall, caller: &mut Caller) -> Result<TokenStream> {
    let func = peel(*call.func);
    if let Expr::Closure(closure) = &func {
        refuse_async_closure(closure)?;
    }
    // A name is no more than a name, and types flow from a function to its arguments only if it is
    // called by its name. But an argument that knows the name may change what it stands for.
    let stays = match &func {
        Expr::Path(path) => {
            is_item(&func)
                || !path.path.get_ident().is_some_and(|name| {
                    evaluated(&call.args).any(|arg| mentions(arg.into_token_stream(), name))
                })
        }
        _ => false,
    };
    let (mut value, rebind) = if stays {
        (func.into_token_stream(), None)
    } else {
        caller.bind_subject("callee", &func)
    };
    let (attrs, args) = (call.attrs, caller.bind_args(call.args));
    // The user's parentheses: a wrong number of arguments is reported there.
    call.paren_token
        .surround(&mut value, |inside| inside.extend(args));
    Ok(caller.goroutine(Some(quote! { #rebind #(#attrs)* }), &value))
}

fn expand_method_call(call: ExprMethodCall, caller: &mut Caller) -> Result<TokenStream> {
    let receiver = peel(*call.receiver);
    // `go!(s.send(1).unwrap())` would send now, and nobody who writes it means that.
    let takes_out = call.method == "unwrap" || call.method == "expect";
    if takes_out && matches!(receiver, Expr::Call(_) | Expr::MethodCall(_)) {
        return Err(Error::new(call.method.span(), UNWRAPPED));
    }
    let (receiver, rebind) = if is_item(&receiver) || is_literal(&receiver) {
        (receiver.into_token_stream(), None)
    } else {
        caller.bind_subject("receiver", &receiver)
    };
    let (attrs, args) = (call.attrs, caller.bind_args(call.args));
    let (dot, method, turbofish) = (call.dot_token, call.method, call.turbofish);
    let mut value = quote! { #receiver #dot #method #turbofish };
    call.paren_token
        .surround(&mut value, |inside| inside.extend(args));
    Ok(caller.goroutine(Some(quote! { #rebind #(#attrs)* }), &value))
}

/// The arguments without those at the end that may stay in their places.
///
/// To evaluate a `move` closure is to capture, and so does the goroutine's closure around it, if no
/// other argument is evaluated in between. In its place, it gets its parameter types from the function.
fn evaluated(args: &Punctuated<Expr, Token![,]>) -> impl Iterator<Item = &Expr> {
    let stay = args
        .iter()
        .rev()
        .take_while(|arg| is_literal(arg) || is_move_closure(arg))
        .count();
    args.iter().take(args.len() - stay)
}

/// Whether the name occurs, as whatever.
fn mentions(tokens: TokenStream, name: &Ident) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == *name,
        TokenTree::Group(group) => mentions(group.stream(), name),
        _ => false,
    })
}

/// Refuses a closure that cannot be called without more ado.
fn refuse_other_closures(closure: &syn::ExprClosure) -> Result<()> {
    refuse_async_closure(closure)?;
    if closure.inputs.is_empty() {
        return Ok(());
    }
    Err(Error::new_spanned(&closure.inputs, PARAMETERS))
}

fn refuse_async_closure(closure: &syn::ExprClosure) -> Result<()> {
    match &closure.asyncness {
        Some(asyncness) => Err(Error::new_spanned(asyncness, ASYNC)),
        None => Ok(()),
    }
}

/// Takes off parentheses, and the invisible ones that a `macro_rules` fragment carries.
fn peel(mut expr: Expr) -> Expr {
    loop {
        match expr {
            Expr::Group(group) if group.attrs.is_empty() => expr = *group.expr,
            Expr::Paren(paren) if paren.attrs.is_empty() => expr = *paren.expr,
            other => return other,
        }
    }
}

/// Whether this path cannot be a local variable, so that there is nothing to evaluate.
///
/// A name in capitals is taken for a `static` or a constant: a `static` cannot be moved into a local,
/// and its methods are to be called on itself.
fn is_item(expr: &Expr) -> bool {
    let Expr::Path(expr) = expr else {
        return false;
    };
    let Some(ident) = expr.path.get_ident() else {
        return true;
    };
    let name = ident.to_string();
    name.contains(char::is_uppercase) && !name.contains(char::is_lowercase)
}

fn is_literal(expr: &Expr) -> bool {
    match expr {
        Expr::Lit(_) => true,
        Expr::Unary(unary) => {
            matches!(unary.op, UnOp::Neg(_)) && matches!(*unary.expr, Expr::Lit(_))
        }
        _ => false,
    }
}

fn is_move_closure(expr: &Expr) -> bool {
    matches!(expr, Expr::Closure(closure) if closure.capture.is_some())
}
