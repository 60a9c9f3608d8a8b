//! The arguments of `#[goroutines::main]` and `#[goroutines::test]`.
//!
//! Not here: their meaning. They are handed to `__private::Config` as they are.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::{Error, Expr, Ident, Lit, Path, Result, Token};

const KNOWN: &str =
    "the arguments are `workers = <number>`, `stack_size = <bytes>` and `crate = <path>`";

/// What the user wrote in the parentheses of the attribute.
pub(crate) struct Args {
    workers: Option<Expr>,
    stack_size: Option<Expr>,
    root: Option<Path>,
}

impl Args {
    /// The path of the `goroutines` crate.
    pub(crate) fn root(&self) -> TokenStream {
        match &self.root {
            Some(path) => quote! { #path },
            None => quote! { ::goroutines },
        }
    }

    /// The expression that builds the `Config`.
    pub(crate) fn config(&self) -> TokenStream {
        let root = self.root();
        let workers = option(self.workers.as_ref());
        let stack_size = option(self.stack_size.as_ref());
        quote! {
            #root::__private::Config {
                workers: #workers,
                stack_size: #stack_size,
            }
        }
    }
}

impl Parse for Args {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let mut args = Self {
            workers: None,
            stack_size: None,
            root: None,
        };
        while !input.is_empty() {
            let name = Ident::parse_any(input)
                .map_err(|error| Error::new(error.span(), format!("expected a name; {KNOWN}")))?;
            match name.to_string().as_str() {
                "workers" => {
                    let workers = parse_number(&name, input)?;
                    if is_zero(&workers) {
                        return Err(Error::new_spanned(
                            workers,
                            "`workers` must be at least 1; leave it out to have one for each processor",
                        ));
                    }
                    set(&mut args.workers, &name, workers)?;
                }
                "stack_size" => {
                    let stack_size = parse_number(&name, input)?;
                    set(&mut args.stack_size, &name, stack_size)?;
                }
                "crate" => {
                    parse_equals(&name, input)?;
                    let path = Path::parse_mod_style(input).map_err(|error| {
                        Error::new(error.span(), "`crate` takes a path: `crate = crate::path`")
                    })?;
                    set(&mut args.root, &name, path)?;
                }
                unknown => {
                    let message = format!("unknown argument `{unknown}`; {KNOWN}");
                    return Err(Error::new(name.span(), message));
                }
            }
            if !input.is_empty() && !input.peek(Token![,]) {
                return Err(input.error(format!("expected `,`; {KNOWN}")));
            }
            input.parse::<Option<Token![,]>>()?;
        }
        Ok(args)
    }
}

fn set<T>(slot: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    if slot.replace(value).is_some() {
        let message = format!("argument `{name}` is given twice; {KNOWN}");
        return Err(Error::new(name.span(), message));
    }
    Ok(())
}

fn parse_equals(name: &Ident, input: ParseStream<'_>) -> Result<()> {
    if !input.peek(Token![=]) {
        let message = format!("argument `{name}` needs a value; {KNOWN}");
        return Err(Error::new(name.span(), message));
    }
    input.parse::<Token![=]>()?;
    Ok(())
}

/// Any expression, as it is the compiler who knows types; but of the literals only an integer.
fn parse_number(name: &Ident, input: ParseStream<'_>) -> Result<Expr> {
    parse_equals(name, input)?;
    let message = format!("`{name}` takes an integer, or an expression of type `usize`");
    if input.is_empty() || input.peek(Token![,]) {
        return Err(Error::new(name.span(), message));
    }
    let value = input.parse()?;
    match &value {
        Expr::Lit(literal) if !matches!(literal.lit, Lit::Int(_)) => {
            Err(Error::new_spanned(value, message))
        }
        _ => Ok(value),
    }
}

fn is_zero(value: &Expr) -> bool {
    match value {
        Expr::Lit(literal) => matches!(&literal.lit, Lit::Int(int) if int.base10_digits() == "0"),
        Expr::Group(group) => is_zero(&group.expr),
        Expr::Paren(paren) => is_zero(&paren.expr),
        _ => false,
    }
}

fn option(value: Option<&Expr>) -> TokenStream {
    match value {
        Some(value) => quote! { ::core::option::Option::Some(#value) },
        None => quote! { ::core::option::Option::None },
    }
}
