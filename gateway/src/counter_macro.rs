//! Counters are declared once: their field, their documentation, and the name that operators see.

/// A counter as operators see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counter {
    /// Its name, without the prefix that all metrics have.
    pub(crate) name: &'static str,
    /// What it counts, in one sentence.
    pub(crate) help: &'static str,
    pub(crate) value: u64,
}

/// Declares a struct of counters, and `list`, which names them all. The documentation of a field is
/// also its help text. Counters of another struct are added under `parts`.
macro_rules! counters {
    (
        $(#[$attribute:meta])*
        pub struct $Counters:ident {
            $($(#[doc = $help:literal])+ pub $field:ident = $name:literal,)+
        }
        $(parts {
            $($(#[doc = $part_doc:literal])+ pub $part:ident: $Part:ty,)+
        })?
    ) => {
        $(#[$attribute])*
        pub struct $Counters {
            $($(#[doc = $help])+ pub $field: u64,)+
            $($($(#[doc = $part_doc])+ pub $part: $Part,)+)?
        }

        impl $Counters {
            /// Every counter, in the order of declaration, with those of the parts at the end.
            pub(crate) fn list(&self) -> Vec<$crate::counter_macro::Counter> {
                #[allow(unused_mut, reason = "a struct without parts pushes nothing")]
                let mut list = vec![$($crate::counter_macro::Counter {
                    name: $name,
                    help: concat!($($help),+).trim_ascii_start(),
                    value: self.$field,
                }),+];
                $($(list.extend(self.$part.list());)+)?
                list
            }
        }
    };
}

pub(crate) use counters;
