//! The exact expansions: what the facade has to be ready for.

use proc_macro2::TokenStream;
use quote::quote;

use crate::function::{self, Role};
use crate::go;

#[track_caller]
fn check(expanded: TokenStream, expected: TokenStream) {
    // Spaces depend on who made the tokens.
    let text = |tokens: TokenStream| tokens.to_string().replace(' ', "");
    assert_eq!(text(expanded), text(expected));
}

#[track_caller]
fn check_go(work: TokenStream, expected: TokenStream) {
    let expanded = go::expand(quote! { root; #work }).expect("a form of go!");
    check(expanded, expected);
}

#[test]
fn a_call_evaluates_the_function_and_its_arguments_first() {
    check_go(
        quote! { f(a, 7, b + 1, "text") },
        quote! {{
            let arg0 = a;
            let arg2 = b + 1;
            root::__private::go(move || {
                #[allow(clippy::diverging_sub_expression)]
                let _ = f(arg0, 7, arg2, "text");
            });
        }},
    );
    check_go(
        quote! { (self.f)(a) },
        quote! {{
            let callee = self.f;
            let arg0 = a;
            root::__private::go(move || {
                #[allow(unused_mut)]
                let mut callee = callee;
                #[allow(clippy::diverging_sub_expression)]
                let _ = callee(arg0);
            });
        }},
    );
}

#[test]
fn a_path_to_an_item_stays_in_its_place() {
    check_go(
        quote! { module::f::<T>(-1, move |x| x) },
        quote! {{
            root::__private::go(move || {
                #[allow(clippy::diverging_sub_expression)]
                let _ = module::f::<T>(-1, move |x| x);
            });
        }},
    );
    check_go(
        quote! { POOL.run(n) },
        quote! {{
            let arg0 = n;
            root::__private::go(move || {
                #[allow(clippy::diverging_sub_expression)]
                let _ = POOL.run(arg0);
            });
        }},
    );
}

#[test]
fn a_move_closure_before_an_evaluated_argument_is_evaluated_too() {
    check_go(
        quote! { m::f(move || x, y, move || z) },
        quote! {{
            let arg0 = move || x;
            let arg1 = y;
            root::__private::go(move || {
                #[allow(clippy::diverging_sub_expression)]
                let _ = m::f(arg0, arg1, move || z);
            });
        }},
    );
}

#[test]
fn a_name_that_an_argument_knows_is_evaluated_first() {
    check_go(
        quote! { f({ f = g; 1 }) },
        quote! {{
            let callee = f;
            let arg0 = { f = g; 1 };
            root::__private::go(move || {
                #[allow(unused_mut)]
                let mut callee = callee;
                #[allow(clippy::diverging_sub_expression)]
                let _ = callee(arg0);
            });
        }},
    );
}

#[test]
fn a_method_call_moves_the_receiver() {
    check_go(
        quote! { x.y().method::<T>(a), },
        quote! {{
            let receiver = x.y();
            let arg0 = a;
            root::__private::go(move || {
                #[allow(unused_mut)]
                let mut receiver = receiver;
                #[allow(clippy::diverging_sub_expression)]
                let _ = receiver.method::<T>(arg0);
            });
        }},
    );
}

#[test]
fn callables_are_passed_as_they_are() {
    check_go(quote! { || x }, quote! {{ root::__private::go(|| x); }});
    check_go(quote! { f }, quote! {{ root::__private::go(f); }});
    check_go(quote! { f()? }, quote! {{ root::__private::go(f()?); }});
}

#[test]
fn blocks_and_macros_run_in_a_move_closure() {
    check_go(
        quote! { { f(); 1 } },
        quote! {{ root::__private::go(move || { #[allow(clippy::diverging_sub_expression)] let _ = { f(); 1 }; }); }},
    );
    check_go(
        quote! { println!("x") },
        quote! {{ root::__private::go(move || { #[allow(clippy::diverging_sub_expression)] let _ = { println!("x") }; }); }},
    );
}

#[test]
fn a_block_that_makes_a_closure_is_evaluated_first() {
    check_go(
        quote! { { let a = a.clone(); move || f(a) } },
        quote! {{ root::__private::go({ let a = a.clone(); move || f(a) }); }},
    );
}

#[test]
fn main_becomes_a_goroutine() {
    check(
        function::expand(
            Role::Main,
            quote! { workers = 2 },
            quote! { #[allow(x)] pub fn main() -> Result<(), E> { f()?; Ok(()) } },
        ),
        quote! {
            #[allow(x)]
            pub fn main() -> ::std::process::ExitCode {
                fn __main() -> Result<(), E> { f()?; Ok(()) }
                ::goroutines::__private::main(
                    ::goroutines::__private::Config {
                        workers: ::core::option::Option::Some(2),
                        stack_size: ::core::option::Option::None,
                    },
                    || -> ::std::process::ExitCode { ::std::process::Termination::report(__main()) }
                )
            }
        },
    );
}

#[test]
fn a_test_becomes_a_goroutine() {
    check(
        function::expand(
            Role::Test,
            quote! { crate = other, stack_size = SIZE },
            quote! { #[ignore] fn r#try() { f(); } },
        ),
        quote! {
            #[::core::prelude::v1::test]
            #[ignore]
            fn r#try() -> ::std::process::ExitCode {
                fn __test() { f(); }
                other::__private::test(
                    other::__private::Config {
                        workers: ::core::option::Option::None,
                        stack_size: ::core::option::Option::Some(SIZE),
                    },
                    ::core::concat!(::core::module_path!(), "::try"),
                    || -> ::std::process::ExitCode { ::std::process::Termination::report(__test()) },
                )
            }
        },
    );
}

#[test]
fn a_test_that_should_panic_returns_unit() {
    check(
        function::expand(
            Role::Test,
            quote! {},
            quote! { #[should_panic] fn t() { f(); } },
        ),
        quote! {
            #[::core::prelude::v1::test]
            #[should_panic]
            fn t() {
                fn __test() { f(); }
                let _ = ::goroutines::__private::test(
                    ::goroutines::__private::Config {
                        workers: ::core::option::Option::None,
                        stack_size: ::core::option::Option::None,
                    },
                    ::core::concat!(::core::module_path!(), "::t"),
                    || -> ::std::process::ExitCode { ::std::process::Termination::report(__test()) },
                );
            }
        },
    );
}
