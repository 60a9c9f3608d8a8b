//! Mistakes in `go!`.

macro_rules! go {
    ($($work:tt)*) => { goroutines_macros::__go!(goroutines; $($work)*) };
}

fn empty() {
    go!();
}

fn two_expressions() {
    go!(f(), g());
}

fn statements() {
    go!(f(); g());
}

fn a_let_statement() {
    go!(let x = 1; f(x));
}

fn no_comma() {
    go!(f() g());
}

fn parameters() {
    go!(|a, b| a + b);
}

fn an_async_block() {
    go!(async { f().await });
}

fn an_async_move_block() {
    go!(async move { f().await });
}

fn an_async_closure() {
    go!(async || f().await);
}

fn an_async_closure_that_is_called() {
    go!((async |x: u32| f(x).await)(1));
}

fn parameters_of_what_a_block_makes() {
    go!({
        let x = 1;
        move |a| a + x
    });
}

fn unwrapping_what_is_evaluated_now() {
    go!(s.send(5).unwrap());
}

fn no_expression() {
    go!(fn f() {});
}

fn main() {}
