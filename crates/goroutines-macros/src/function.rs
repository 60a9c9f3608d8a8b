//! The function under `#[goroutines::main]` or `#[goroutines::test]`, and what becomes of it.
//!
//! Not here: running it. The expansion ends in one call of `__private::main` or `__private::test`.

use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::parse::{Parse, ParseStream};
use syn::spanned::Spanned;
use syn::{Attribute, Error, Ident, LitStr, Result, ReturnType, Signature, Type, Visibility};

use crate::args::Args;

/// Which of the two attributes it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Main,
    Test,
}

impl Role {
    /// How messages name the attribute.
    fn attribute(self) -> &'static str {
        match self {
            Self::Main => "#[goroutines::main]",
            Self::Test => "#[goroutines::test]",
        }
    }

    /// How messages name the function.
    fn noun(self) -> &'static str {
        match self {
            Self::Main => "`main`",
            Self::Test => "a test",
        }
    }
}

/// Expands the attribute; mistakes become compile errors in the expansion.
pub(crate) fn expand(role: Role, args: TokenStream, item: TokenStream) -> TokenStream {
    let function = match syn::parse2::<Function>(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let message = format!("`{}` goes on a function: {error}", role.attribute());
            let error = Error::new(error.span(), message).into_compile_error();
            return quote! { #item #error };
        }
    };
    if let Err(error) = function.check(role) {
        let error = error.into_compile_error();
        // With some `main` there, the compiler does not complain of a missing one as well.
        let stub = (function.sig.ident == "main").then(|| quote! { fn main() {} });
        return quote! { #error #stub };
    }
    match syn::parse2::<Args>(args) {
        Ok(args) => function.expand(role, &args),
        Err(error) => {
            // The function stays, so that its callers and its imports are not reported too.
            let error = error.into_compile_error();
            quote! { #error #function }
        }
    }
}

/// A function whose body nobody has to understand.
struct Function {
    attrs: Vec<Attribute>,
    vis: Visibility,
    sig: Signature,
    body: Group,
}

impl Parse for Function {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let attrs = input.call(Attribute::parse_outer)?;
        let vis = input.parse()?;
        let sig = input.parse()?;
        match input.parse()? {
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => Ok(Self {
                attrs,
                vis,
                sig,
                body,
            }),
            other => Err(Error::new(other.span(), "expected a body in braces")),
        }
    }
}

impl ToTokens for Function {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        let Self {
            attrs,
            vis,
            sig,
            body,
        } = self;
        tokens.extend(quote! { #(#attrs)* #vis #sig #body });
    }
}

impl Function {
    /// Reports all that is wrong with the signature at once.
    fn check(&self, role: Role) -> Result<()> {
        let (sig, noun, attribute) = (&self.sig, role.noun(), role.attribute());
        let mut errors = Errors::default();
        if role == Role::Main && sig.ident != "main" {
            let message = format!(
                "`{attribute}` goes on `main` only; other functions run in a goroutine by `go!` or `spawn`"
            );
            errors.add(&sig.ident, message);
        }
        if let Some(token) = &sig.asyncness {
            errors.add(
                token,
                format!("{noun} is plain blocking code, remove `async`"),
            );
        }
        if let Some(token) = &sig.constness {
            errors.add(token, format!("{noun} is a plain function, remove `const`"));
        }
        if let Some(token) = &sig.unsafety {
            errors.add(
                token,
                format!("{noun} is a plain function, remove `unsafe`"),
            );
        }
        if let Some(abi) = &sig.abi {
            errors.add(abi, format!("{noun} is a plain function, remove `extern`"));
        }
        if !sig.generics.params.is_empty() {
            errors.add(
                &sig.generics,
                format!("{noun} has no generic parameters, remove them"),
            );
        }
        if let Some(clause) = &sig.generics.where_clause {
            errors.add(clause, format!("{noun} has no `where` clause, remove it"));
        }
        if !sig.inputs.is_empty() {
            errors.add(
                &sig.inputs,
                format!("{noun} has no parameters, remove them"),
            );
        }
        if let Some(variadic) = &sig.variadic {
            errors.add(variadic, format!("{noun} has no parameters, remove them"));
        }
        if role == Role::Test {
            if let Some(attr) = self.attr("test") {
                let message = format!("`{attribute}` makes it a test already, remove `#[test]`");
                errors.add(attr, message);
            }
            if self.attr("should_panic").is_some() && !is_unit(&sig.output) {
                let message = "a test that should panic returns `()`, remove the return type";
                errors.add(&sig.output, message);
            }
        }
        errors.into_result()
    }

    fn expand(self, role: Role, args: &Args) -> TokenStream {
        let (root, config) = (args.root(), args.config());
        let should_panic = self.attr("should_panic").is_some();
        let Self {
            attrs,
            vis,
            sig,
            body,
        } = self;
        let (name, output) = (&sig.ident, &sig.output);

        let inner = match role {
            Role::Main => Ident::new("__main", Span::mixed_site()),
            Role::Test => Ident::new("__test", Span::mixed_site()),
        };
        // A return type that is no `Termination` is reported where the user wrote it.
        let span = match output {
            ReturnType::Default => Span::mixed_site(),
            ReturnType::Type(_, ty) => Span::mixed_site().located_at(ty.span()),
        };
        let report = if is_never(output) {
            quote! { #inner() }
        } else {
            quote_spanned! { span => ::std::process::Termination::report(#inner()) }
        };
        let run = quote! {
            || -> ::std::process::ExitCode { #report }
        };

        match role {
            Role::Main => quote! {
                #(#attrs)*
                #vis fn #name() -> ::std::process::ExitCode {
                    fn #inner() #output #body
                    #root::__private::main(#config, #run)
                }
            },
            Role::Test => {
                let path = LitStr::new(&format!("::{}", name.unraw()), name.span());
                let call = quote! {
                    #root::__private::test(
                        #config,
                        ::core::concat!(::core::module_path!(), #path),
                        #run,
                    )
                };
                // `#[should_panic]` wants `()`. A body that returns has not panicked, so that its
                // status is of no interest.
                let (status, call) = if should_panic {
                    (None, quote! { let _ = #call; })
                } else {
                    (Some(quote! { -> ::std::process::ExitCode }), call)
                };
                quote! {
                    #[::core::prelude::v1::test]
                    #(#attrs)*
                    #vis fn #name() #status {
                        fn #inner() #output #body
                        #call
                    }
                }
            }
        }
    }

    fn attr(&self, name: &str) -> Option<&Attribute> {
        self.attrs.iter().find(|attr| attr.path().is_ident(name))
    }
}

fn is_unit(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => {
            matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty())
        }
    }
}

fn is_never(output: &ReturnType) -> bool {
    matches!(output, ReturnType::Type(_, ty) if matches!(**ty, Type::Never(_)))
}

/// Several mistakes, reported together.
#[derive(Default)]
struct Errors(Option<Error>);

impl Errors {
    fn add(&mut self, place: impl ToTokens, message: impl std::fmt::Display) {
        let error = Error::new_spanned(place, message);
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    fn into_result(self) -> Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
