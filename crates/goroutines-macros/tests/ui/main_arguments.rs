//! Mistakes in the arguments of `#[goroutines::main]`.

mod unknown {
    #[goroutines_macros::main(worker_threads = 4)]
    fn main() {}
}

mod repeated {
    #[goroutines_macros::main(workers = 4, stack_size = 1, workers = 2)]
    fn main() {}
}

mod zero {
    #[goroutines_macros::main(workers = 0)]
    fn main() {}
}

mod zero_with_a_suffix {
    #[goroutines_macros::main(workers = 0x0_usize)]
    fn main() {}
}

mod text {
    #[goroutines_macros::main(stack_size = "64k")]
    fn main() {}
}

mod no_value {
    #[goroutines_macros::main(workers)]
    fn main() {}
}

mod half_a_value {
    #[goroutines_macros::main(workers = )]
    fn main() {}
}

mod no_name {
    #[goroutines_macros::main("four")]
    fn main() {}
}

mod no_comma {
    #[goroutines_macros::main(workers = 4 stack_size = 1)]
    fn main() {}
}

mod no_path {
    #[goroutines_macros::main(crate = "other")]
    fn main() {}
}

fn main() {}
