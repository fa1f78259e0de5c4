//! Reads the files of a crate into a tree of modules.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta};

use crate::Error;
use crate::cfg::in_ordinary_build;
use crate::imports::Contents;

/// Index into [`ModuleTree::modules`].
pub(crate) type ModuleId = usize;

/// The crate's root is the first module of a tree.
pub(crate) const ROOT: ModuleId = 0;

/// The modules of one crate as an ordinary build sees them.
#[derive(Debug)]
pub struct ModuleTree {
    pub(crate) modules: Vec<Module>,
}

/// One module, in a file of its own or inline.
#[derive(Debug)]
pub(crate) struct Module {
    /// `crate::send::pacer`.
    pub(crate) path: String,
    pub(crate) parent: Option<ModuleId>,
    pub(crate) file: PathBuf,
    pub(crate) children: BTreeMap<String, ModuleId>,
    pub(crate) contents: Contents,
}

impl ModuleTree {
    /// Reads the crate whose root is `file`, a `lib.rs` or `main.rs`.
    ///
    /// # Errors
    ///
    /// [`Error::File`], [`Error::Syntax`] and [`Error::NoFile`] if a module cannot be read.
    pub fn read(file: &Path) -> Result<Self, Error> {
        let mut tree = Self {
            modules: Vec::new(),
        };
        let directory = file.parent().unwrap_or(Path::new("")).to_owned();
        let place = Place {
            file: file.to_owned(),
            directory,
            is_inline: false,
        };
        tree.read_file("crate".to_owned(), None, place)?;
        Ok(tree)
    }

    /// Number of modules, inline ones included.
    pub fn len(&self) -> usize {
        self.modules.len()
    }

    /// Never: a crate has a root.
    pub fn is_empty(&self) -> bool {
        self.modules.is_empty()
    }

    fn read_file(
        &mut self,
        path: String,
        parent: Option<ModuleId>,
        place: Place,
    ) -> Result<ModuleId, Error> {
        let source = fs::read_to_string(&place.file)
            .map_err(|error| Error::File(place.file.clone(), error))?;
        let parsed =
            syn::parse_file(&source).map_err(|error| Error::Syntax(place.file.clone(), error))?;
        self.add(path, parent, &place, &parsed.items)
    }

    fn add(
        &mut self,
        path: String,
        parent: Option<ModuleId>,
        place: &Place,
        items: &[Item],
    ) -> Result<ModuleId, Error> {
        let id = self.modules.len();
        self.modules.push(Module {
            path: path.clone(),
            parent,
            file: place.file.clone(),
            children: BTreeMap::new(),
            contents: Contents::read(items),
        });
        for item in items {
            let Item::Mod(child) = item else { continue };
            if !in_ordinary_build(&child.attrs) {
                continue;
            }
            let name = child.ident.to_string();
            let child_path = format!("{path}::{name}");
            let child_id = match &child.content {
                Some((_, items)) => self.add(child_path, Some(id), &place.inline(&name), items)?,
                None => self.read_file(child_path, Some(id), place.child(child)?)?,
            };
            self.modules[id].children.insert(name, child_id);
        }
        Ok(id)
    }
}

/// Where a module stands, and where the files of its children are looked for.
struct Place {
    file: PathBuf,
    directory: PathBuf,
    is_inline: bool,
}

impl Place {
    fn inline(&self, name: &str) -> Self {
        Self {
            file: self.file.clone(),
            directory: self.directory.join(name),
            is_inline: true,
        }
    }

    /// The file of `mod name;`: `name.rs` or `name/mod.rs`, or what `#[path]` says.
    fn child(&self, module: &ItemMod) -> Result<Self, Error> {
        let name = module.ident.to_string();
        if let Some(path) = path_attribute(&module.attrs) {
            // Relative to the folder of this file; in an inline module to that module's folder.
            let base = match self.file.parent() {
                Some(parent) if !self.is_inline => parent,
                _ => &self.directory,
            };
            let file = base.join(path);
            let directory = file.parent().unwrap_or(Path::new("")).to_owned();
            return Ok(Self {
                file,
                directory,
                is_inline: false,
            });
        }
        let directory = self.directory.join(&name);
        let beside = self.directory.join(format!("{name}.rs"));
        let inside = directory.join("mod.rs");
        let file = [beside, inside]
            .into_iter()
            .find(|file| file.is_file())
            .ok_or_else(|| Error::NoFile(self.file.clone(), name))?;
        Ok(Self {
            file,
            directory,
            is_inline: false,
        })
    }
}

/// The value of `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| {
        let Meta::NameValue(pair) = &attribute.meta else {
            return None;
        };
        match &pair.value {
            Expr::Lit(ExprLit {
                lit: Lit::Str(path),
                ..
            }) if pair.path.is_ident("path") => Some(path.value()),
            _ => None,
        }
    })
}
