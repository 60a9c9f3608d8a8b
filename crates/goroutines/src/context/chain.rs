//! What contexts are made of: each knows the one it was made from.
//!
//! Not for: ending (`node`, `cancel`). Chains may be long, so nothing here recurses.

use super::Context;
use super::node::Node;
use goroutines_runtime::park::Moment;
use goroutines_runtime::shim::Arc;
use std::any::{Any, TypeId};
use std::fmt;
use std::mem;

/// One link.
#[derive(Clone)]
pub(super) enum Link {
    Background,
    Todo,
    /// It can end.
    Node(Arc<Node>),
    Value(Arc<Value>),
    /// What is above cannot end it.
    Without(Arc<Without>),
}

pub(super) struct Value {
    pub(super) parent: Context,
    pub(super) key: TypeId,
    /// The key's name, for show.
    pub(super) name: &'static str,
    pub(super) value: Box<dyn Any + Send + Sync>,
}

pub(super) struct Without {
    pub(super) parent: Context,
}

impl Drop for Value {
    fn drop(&mut self) {
        unlink(mem::take(&mut self.parent));
    }
}

impl Drop for Without {
    fn drop(&mut self) {
        unlink(mem::take(&mut self.parent));
    }
}

/// Drops a chain link by link, as far as it belongs to nobody else.
pub(super) fn unlink(mut context: Context) {
    loop {
        // Each has been unlinked from its parent when it is dropped, so its own `drop` goes no further.
        context = match context.0 {
            Link::Background | Link::Todo => return,
            Link::Node(node) => match Arc::into_inner(node) {
                Some(mut node) => {
                    node.untie();
                    mem::take(&mut node.parent)
                }
                None => return,
            },
            Link::Value(value) => match Arc::into_inner(value) {
                Some(mut value) => mem::take(&mut value.parent),
                None => return,
            },
            Link::Without(without) => match Arc::into_inner(without) {
                Some(mut without) => mem::take(&mut without.parent),
                None => return,
            },
        };
    }
}

impl Context {
    /// The one it was made from.
    pub(super) fn parent(&self) -> Option<&Context> {
        match &self.0 {
            Link::Background | Link::Todo => None,
            Link::Node(node) => Some(&node.parent),
            Link::Value(value) => Some(&value.parent),
            Link::Without(without) => Some(&without.parent),
        }
    }

    /// What ends it, if anything can.
    #[inline]
    pub(super) fn node(&self) -> Option<&Arc<Node>> {
        let mut at = self;
        loop {
            at = match &at.0 {
                Link::Node(node) => return Some(node),
                Link::Value(value) => &value.parent,
                _ => return None,
            };
        }
    }

    /// The value that was given with this key last.
    pub(super) fn find(&self, key: TypeId) -> Option<&(dyn Any + Send + Sync)> {
        let mut at = Some(self);
        while let Some(context) = at {
            if let Link::Value(value) = &context.0
                && value.key == key
            {
                return Some(&*value.value);
            }
            at = context.parent();
        }
        None
    }
}

/// As Go prints them: `context.Background.WithCancel`.
impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut links: Vec<_> = std::iter::successors(Some(self), |c| c.parent()).collect();
        while let Some(context) = links.pop() {
            match &context.0 {
                Link::Background => f.write_str("context.Background")?,
                Link::Todo => f.write_str("context.TODO")?,
                Link::Value(value) => write!(f, ".WithValue({})", value.name)?,
                Link::Without(_) => f.write_str(".WithoutCancel")?,
                Link::Node(node) => match node.deadline.filter(|_| node.timed) {
                    None => f.write_str(".WithCancel")?,
                    Some(deadline) => {
                        let left = Moment::from_instant(deadline).since(Moment::now());
                        write!(f, ".WithDeadline([{left:?}])")?;
                    }
                },
            }
        }
        Ok(())
    }
}
