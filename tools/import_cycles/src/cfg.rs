//! Which items belong to an ordinary build.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, ExprLit, Lit, Meta, Token};

/// Whether an item with these attributes can be part of a build that is neither a test nor has one
/// of the features whose names start with `_`.
///
/// Conditions that depend on the machine or on other features are taken as met, whichever way they
/// are put: both sides of a choice count.
pub(crate) fn in_ordinary_build(attributes: &[Attribute]) -> bool {
    attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("cfg"))
        .all(|attribute| {
            let condition = attribute.parse_args::<Meta>();
            condition.map_or(true, |condition| holds(&condition) != Some(false))
        })
}

/// The value of a `cfg` condition; `None` if it depends on the machine or on a public feature.
fn holds(condition: &Meta) -> Option<bool> {
    match condition {
        Meta::Path(name) if name.is_ident("test") => Some(false),
        Meta::NameValue(pair) if pair.path.is_ident("feature") => match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(name),
                ..
            }) if name.value().starts_with('_') => Some(false),
            _ => None,
        },
        Meta::List(list) => {
            let parts = list
                .parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
                .ok()?;
            let values = parts.iter().map(holds);
            if list.path.is_ident("not") {
                values.last()?.map(|value| !value)
            } else if list.path.is_ident("all") {
                combine(values, false)
            } else {
                combine(values, true)
            }
        }
        _ => None,
    }
}

/// `any` with `deciding` true, `all` with it false: one such value decides, else all must be known.
fn combine(values: impl Iterator<Item = Option<bool>>, deciding: bool) -> Option<bool> {
    let mut unknown = false;
    for value in values {
        if value == Some(deciding) {
            return value;
        }
        unknown |= value.is_none();
    }
    (!unknown).then_some(!deciding)
}

#[cfg(test)]
mod tests {
    use syn::{Item, parse_str};

    use super::in_ordinary_build;

    fn kept(attribute: &str) -> bool {
        let source = format!("#[cfg({attribute})] mod m {{}}");
        match parse_str::<Item>(&source) {
            Ok(Item::Mod(module)) => in_ordinary_build(&module.attrs),
            _ => panic!("not a module: {source}"),
        }
    }

    #[test]
    fn only_what_needs_a_test_build_is_left_out() {
        assert!(!kept("test"));
        assert!(!kept("all(test, unix)"));
        assert!(!kept("any(test, feature = \"_test_support\")"));
        assert!(kept("not(test)"));
        assert!(kept("any(test, unix)"));
        assert!(kept("target_arch = \"wasm32\""));
        assert!(kept("not(target_arch = \"wasm32\")"));
        assert!(kept("feature = \"os-rng\""));
    }
}
