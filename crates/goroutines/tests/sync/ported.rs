//! The same program with `std::sync` and with ours: only the path differs.

/// What a user of `std::sync` writes.
macro_rules! program {
    ($name:ident, $sync:path, $thread:path) => {
        mod $name {
            use std::sync::Arc;
            use std::time::Duration;
            use sync::{
                Barrier, Condvar, LazyLock, LockResult, Mutex, MutexGuard, Once, OnceLock,
                PoisonError, RwLock, TryLockError, TryLockResult,
            };
            use $sync as sync;
            use $thread as thread;

            static TOTAL: Mutex<u64> = Mutex::new(0);
            static NAMES: RwLock<Vec<&'static str>> = RwLock::new(Vec::new());
            static ONCE: Once = Once::new();
            static CELL: OnceLock<String> = OnceLock::new();
            static LAZY: LazyLock<Vec<u32>> = LazyLock::new(|| vec![1, 2, 3]);

            struct Queue<T> {
                items: Mutex<Vec<T>>,
                filled: Condvar,
            }

            impl<T> Queue<T> {
                fn push(&self, item: T) {
                    self.items.lock().unwrap().push(item);
                    self.filled.notify_one();
                }

                fn pop(&self) -> T {
                    let mut items = self
                        .filled
                        .wait_while(self.items.lock().unwrap(), |items| items.is_empty())
                        .unwrap();
                    items.remove(0)
                }

                fn pop_soon(&self) -> Option<T> {
                    let items: MutexGuard<'_, Vec<T>> = self.items.lock().unwrap();
                    let (mut items, result) = self
                        .filled
                        .wait_timeout_while(items, Duration::from_millis(1), |i| i.is_empty())
                        .unwrap();
                    if result.timed_out() {
                        None
                    } else {
                        items.pop()
                    }
                }
            }

            fn ignore<T>(result: LockResult<T>) -> T {
                result.unwrap_or_else(PoisonError::into_inner)
            }

            fn held<T>(result: &TryLockResult<T>) -> bool {
                matches!(result, Err(TryLockError::WouldBlock))
            }

            pub(crate) fn run() {
                let queue = Arc::new(Queue {
                    items: Mutex::default(),
                    filled: Condvar::new(),
                });
                let barrier = Arc::new(Barrier::new(4));
                let workers: Vec<_> = (0..4)
                    .map(|i| {
                        let (queue, barrier) = (queue.clone(), barrier.clone());
                        thread::spawn(move || {
                            ONCE.call_once(|| NAMES.write().unwrap().push("first"));
                            *TOTAL.lock().unwrap() += i;
                            barrier.wait();
                            assert_eq!(*TOTAL.lock().unwrap(), 6);
                            queue.push(CELL.get_or_init(|| "made".to_owned()).len() + LAZY.len());
                        })
                    })
                    .collect();
                let sum: usize = (0..4).map(|_| queue.pop()).sum();
                assert_eq!(sum, 4 * 7);
                assert_eq!(queue.pop_soon(), None);
                for worker in workers {
                    worker.join().unwrap();
                }
                assert_eq!(*NAMES.read().unwrap(), ["first"]);
                assert!(ONCE.is_completed() && CELL.get().is_some());
                let guard = TOTAL.lock().unwrap();
                assert!(held(&TOTAL.try_lock()));
                drop(guard);
                let poisoned = thread::spawn(|| {
                    let _guard = TOTAL.lock().unwrap();
                    std::panic::resume_unwind(Box::new(()));
                });
                assert!(poisoned.join().is_err());
                assert!(TOTAL.is_poisoned());
                assert_eq!(*ignore(TOTAL.lock()), 6);
                assert_eq!(
                    format!("{TOTAL:?}"),
                    "Mutex { data: 6, poisoned: true, .. }"
                );
                TOTAL.clear_poison();
                let lock = RwLock::from(1);
                assert_eq!(
                    format!("{lock:?}"),
                    "RwLock { data: 1, poisoned: false, .. }"
                );
                assert_eq!(lock.into_inner().unwrap(), 1);
                let unsized_value: &Mutex<[u8]> = &Mutex::new([1, 2, 3]);
                assert_eq!(unsized_value.lock().unwrap().len(), 3);
                let boxed: Box<RwLock<dyn Fn() -> u32 + Send + Sync>> = Box::new(RwLock::new(|| 5));
                assert_eq!(boxed.read().unwrap()(), 5);
            }
        }
    };
}

program!(with_std, std::sync, std::thread);
program!(with_ours, goroutines::sync, goroutines);

#[test]
fn std_runs_it() {
    with_std::run();
}

#[test]
fn so_do_we() {
    crate::support::inside(with_ours::run);
}

#[test]
fn between_goroutines_and_a_thread() {
    program!(with_threads, goroutines::sync, std::thread);
    with_threads::run();
}
