//! Collects the names that a module defines and the paths that it uses.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{TokenStream, TokenTree};
use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};
use syn::{Attribute, Ident, Item, ItemUse, Macro, Path, UseTree};

use crate::cfg::in_ordinary_build;

/// One path as the source has it, with the line where it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    pub(crate) line: usize,
}

/// What the items of one module define and import; child modules are left out.
#[derive(Debug, Default)]
pub(crate) struct Contents {
    /// Names of the items that the module defines itself.
    pub(crate) items: BTreeSet<String>,
    /// What `use` brings into the module: the name there, and the path.
    pub(crate) names: BTreeMap<String, Vec<String>>,
    /// Paths in front of `::*`.
    pub(crate) globs: Vec<Import>,
    /// All other paths that occur in the module, those of `use` included.
    pub(crate) paths: Vec<Import>,
}

impl Contents {
    pub(crate) fn read(items: &[Item]) -> Self {
        let mut contents = Self {
            items: items.iter().filter_map(defined_name).collect(),
            ..Self::default()
        };
        let mut visitor = Visitor {
            contents: &mut contents,
        };
        for item in items {
            visitor.visit_item(item);
        }
        // The `use` that brought a single name in counts already.
        let names = &contents.names;
        contents.paths.retain(|import| match &import.path[..] {
            [name] => !names.contains_key(name),
            _ => true,
        });
        contents
    }
}

/// The name of an item other than a module.
fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        _ => return None,
    };
    Some(name.to_string())
}

struct Visitor<'c> {
    contents: &'c mut Contents,
}

impl Visitor<'_> {
    fn add(&mut self, path: Vec<String>, start: &Ident) {
        let line = start.span().start().line;
        self.contents.paths.push(Import { path, line });
    }

    /// Follows one branch of a `use` to its leaves.
    fn use_tree(&mut self, prefix: &[String], tree: &UseTree) {
        let with = |name: &Ident| {
            let mut path = prefix.to_vec();
            path.push(name.to_string());
            path
        };
        match tree {
            UseTree::Path(branch) => self.use_tree(&with(&branch.ident), &branch.tree),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.use_tree(prefix, tree);
                }
            }
            UseTree::Glob(glob) => {
                let line = glob.star_token.span().start().line;
                let path = prefix.to_vec();
                self.contents.globs.push(Import { path, line });
            }
            UseTree::Name(name) => self.bring_in(&name.ident, prefix, &name.ident),
            UseTree::Rename(name) => self.bring_in(&name.ident, prefix, &name.rename),
        }
    }

    /// `use prefix::name as alias`; `prefix::self` is `prefix`.
    fn bring_in(&mut self, name: &Ident, prefix: &[String], alias: &Ident) {
        let mut path = prefix.to_vec();
        let mut alias_name = alias.to_string();
        if name == "self" && !prefix.is_empty() {
            if alias == "self" {
                alias_name.clone_from(&prefix[prefix.len() - 1]);
            }
        } else {
            path.push(name.to_string());
        }
        self.contents.names.insert(alias_name, path.clone());
        self.add(path, name);
    }

    /// Paths in the arguments of a macro, which are only tokens: `name::name…`.
    fn tokens(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let mut start: Option<Ident> = None;
        let mut colons = 0;
        for token in tokens {
            match token {
                TokenTree::Ident(name) if colons == 2 && !path.is_empty() => {
                    path.push(name.to_string());
                    colons = 0;
                    continue;
                }
                TokenTree::Ident(name) => {
                    self.end_of_path(&mut path, &mut start);
                    path.push(name.to_string());
                    start = Some(name);
                }
                TokenTree::Punct(mark) if mark.as_char() == ':' && !path.is_empty() => {
                    colons += 1;
                    continue;
                }
                TokenTree::Group(group) => {
                    self.end_of_path(&mut path, &mut start);
                    self.tokens(group.stream());
                }
                _ => self.end_of_path(&mut path, &mut start),
            }
            colons = 0;
        }
        self.end_of_path(&mut path, &mut start);
    }

    fn end_of_path(&mut self, path: &mut Vec<String>, start: &mut Option<Ident>) {
        let path = std::mem::take(path);
        // A single name is a variable or has been imported by a `use`, which counts already.
        if let (Some(start), 2..) = (start.take(), path.len()) {
            self.add(path, &start);
        }
    }
}

/// Visits a node only if an ordinary build has it.
macro_rules! skip_tests {
    ($($visit:ident: $node:ty),* $(,)?) => {
        $(fn $visit(&mut self, node: &'ast $node) {
            if in_ordinary_build(&node.attrs) {
                visit::$visit(self, node);
            }
        })*
    };
}

impl<'ast> Visit<'ast> for Visitor<'_> {
    skip_tests! {
        visit_arm: syn::Arm,
        visit_expr_block: syn::ExprBlock,
        visit_field: syn::Field,
        visit_field_value: syn::FieldValue,
        visit_impl_item_const: syn::ImplItemConst,
        visit_impl_item_fn: syn::ImplItemFn,
        visit_item_const: syn::ItemConst,
        visit_item_enum: syn::ItemEnum,
        visit_item_fn: syn::ItemFn,
        visit_item_impl: syn::ItemImpl,
        visit_item_static: syn::ItemStatic,
        visit_item_struct: syn::ItemStruct,
        visit_item_trait: syn::ItemTrait,
        visit_item_type: syn::ItemType,
        visit_local: syn::Local,
        visit_stmt_macro: syn::StmtMacro,
        visit_variant: syn::Variant,
    }

    fn visit_item_mod(&mut self, _: &'ast syn::ItemMod) {}

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if in_ordinary_build(&item.attrs) {
            self.use_tree(&[], &item.tree);
        }
    }

    fn visit_attribute(&mut self, _: &'ast Attribute) {}

    fn visit_visibility(&mut self, _: &'ast syn::Visibility) {}

    fn visit_macro(&mut self, call: &'ast Macro) {
        self.visit_path(&call.path);
        self.tokens(call.tokens.clone());
    }

    fn visit_path(&mut self, path: &'ast Path) {
        // `::name` is always another crate.
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let names = path.segments.iter().map(|part| part.ident.to_string());
            self.add(names.collect(), &first.ident);
        }
        visit::visit_path(self, path);
    }
}
