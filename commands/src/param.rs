//! Parameters as typed constants: a handler that names one gets a value of its type.

use crate::{
    args::{Flag, GroupMention, Kind, Shape, Value},
    grammar::Call,
};
use slice_core::{
    ids::{ChannelId, ServiceName, UserId},
    life::Life,
    money::Money,
    refusal::Refusal,
    secret::Secret,
};
use std::marker::PhantomData;

/// A parameter with the type of its values.
pub struct Param<T> {
    shape: Shape,
    value: PhantomData<fn() -> T>,
}

impl<T> Param<T> {
    const fn of(name: &'static str, about: &'static str, kind: Kind) -> Self {
        let shape = Shape {
            name,
            about,
            kind,
            keyword: None,
            positional: true,
            required: true,
            hidden: false,
        };
        Self {
            shape,
            value: PhantomData,
        }
    }

    const fn with(shape: Shape) -> Self {
        Self {
            shape,
            value: PhantomData,
        }
    }

    /// Introduced by this word, wherever it stands.
    #[must_use]
    pub const fn named(self, keyword: &'static str) -> Self {
        Self::with(Shape {
            keyword: Some(keyword),
            positional: false,
            ..self.shape
        })
    }

    /// May be introduced by this word, but needs not.
    #[must_use]
    pub const fn perhaps(self, keyword: &'static str) -> Self {
        Self::with(Shape {
            keyword: Some(keyword),
            ..self.shape
        })
    }

    #[must_use]
    pub const fn optional(self) -> Self {
        Self::with(Shape {
            required: false,
            ..self.shape
        })
    }

    /// Said by buttons only.
    #[must_use]
    pub const fn hidden(self) -> Self {
        Self::with(Shape {
            hidden: true,
            ..self.shape
        })
    }

    pub const fn shape(&self) -> Shape {
        self.shape
    }

    pub fn name(&self) -> &'static str {
        self.shape.name
    }

    pub fn is_given(&self, call: &Call<'_>) -> bool {
        call.args().find(self.shape.name).is_some()
    }
}

/// A type that values are read as.
pub trait Read: Sized {
    fn read(value: &Value) -> Option<Self>;
}

macro_rules! reads {
    ($($type:ty: $kind:ident),* $(,)?) => { $(
        impl Read for $type {
            fn read(value: &Value) -> Option<Self> {
                match value {
                    Value::$kind(value) => Some(value.clone()),
                    _ => None,
                }
            }
        }
    )* };
}

reads! {
    Money: Money,
    Life: Life,
    i64: Number,
    UserId: User,
    Option<ChannelId>: Channel,
    GroupMention: Group,
    ServiceName: Service,
    &'static str: Choice,
    String: Text,
}

impl<T: Read> Param<T> {
    pub fn get(&self, call: &Call<'_>) -> Option<T> {
        call.args().find(self.shape.name).and_then(T::read)
    }

    pub fn need(&self, call: &Call<'_>) -> Result<T, Refusal> {
        self.get(call)
            .ok_or_else(|| call.command().missing(&self.shape))
    }
}

impl Param<Money> {
    pub const fn money(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Money)
    }

    pub const fn money_or_zero(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::MoneyOrZero)
    }
}

impl Param<Life> {
    pub const fn life(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Life)
    }
}

impl Param<i64> {
    pub const fn grant(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Grant)
    }

    pub const fn event(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Event)
    }
}

impl Param<UserId> {
    pub const fn member(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Member)
    }
}

impl Param<Option<ChannelId>> {
    pub const fn channel(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Channel)
    }
}

impl Param<GroupMention> {
    pub const fn group(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Group)
    }
}

impl Param<ServiceName> {
    pub const fn service(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Service)
    }
}

impl Param<&'static str> {
    pub const fn choice(
        name: &'static str,
        about: &'static str,
        words: &'static [&'static str],
    ) -> Self {
        Self::of(name, about, Kind::Choice(words))
    }
}

impl Param<String> {
    pub const fn line(name: &'static str, about: &'static str, max: u32) -> Self {
        Self::of(name, about, Kind::Line(max))
    }

    pub const fn terms(name: &'static str, about: &'static str, max: u32) -> Self {
        Self::of(name, about, Kind::Terms(max))
    }

    pub const fn rest(name: &'static str, about: &'static str, max: u32) -> Self {
        Self::of(name, about, Kind::Rest(max))
    }
}

impl Param<Flag> {
    pub const fn flag(word: &'static str, about: &'static str) -> Self {
        Self::of(word, about, Kind::Flag).named(word).optional()
    }
}

impl Param<Secret> {
    pub const fn secret(name: &'static str, about: &'static str) -> Self {
        Self::of(name, about, Kind::Secret)
    }

    pub fn need<'c>(&self, call: &'c Call<'_>) -> Result<&'c Secret, Refusal> {
        match call.args().find(self.shape.name) {
            Some(Value::Secret(secret)) => Ok(secret),
            _ => Err(call.command().missing(&self.shape)),
        }
    }
}
