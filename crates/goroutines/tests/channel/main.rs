//! Channels and selects: each statement of SEMANTICS by its number.
//!
//! | module | what |
//! |---|---|
//! | `chan` | CH-1 … CH-24, CH-28: one channel |
//! | `cost` | CH-3, CH-25, CH-26: what it costs |
//! | `drops` | CH-27, R0.4: every value is dropped once |
//! | `select` | SE-1 … SE-22 |
//! | `choice` | R0.10: what is chosen and not completed yet, or never |
//! | `ready` | `Select::ready` and its kin |
//! | `timers` | TI-5 … TI-7, TI-19, TI-20 |
//! | `late` | limits that have passed, with something ready and without |
//! | `races` | CH-12, CH-29: many at once, on 1, 2 and 8 workers and with threads |
//! | `stress` | accounts of many rounds, with closes and cancels meanwhile, and of timers |
//! | `unusual` | cancelled before the wait, shielded, unwinding |
//! | `types` | errors, bounds, what must not compile (DI-1 … DI-3) |

mod chan;
mod choice;
mod cost;
mod drops;
mod late;
mod races;
mod ready;
mod select;
mod stress;
mod support;
mod timers;
mod types;
mod unusual;
