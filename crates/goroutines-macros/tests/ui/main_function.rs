//! Functions that `#[goroutines::main]` refuses.

mod another_name {
    #[goroutines_macros::main]
    fn start() {}
}

mod asynchronous {
    #[goroutines_macros::main]
    async fn main() {}
}

mod parameters {
    #[goroutines_macros::main]
    fn main(arguments: Vec<String>) {}
}

mod generics {
    #[goroutines_macros::main]
    fn main<T>() where T: Copy {}
}

mod qualifiers {
    #[goroutines_macros::main]
    const unsafe extern "C" fn main() {}
}

mod no_function {
    #[goroutines_macros::main]
    struct Main;
}

fn main() {}
