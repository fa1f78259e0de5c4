//! The fields of a JSON object, with errors that say where.

use serde_json::{Map, Value};
use smrtc_vectors::Hex;

use super::{Case, PartError, Step};
use crate::request::Number;

/// The fields of one object of a file.
pub(crate) struct Fields<'a> {
    at: String,
    map: &'a Map<String, Value>,
}

impl<'a> Fields<'a> {
    pub(crate) fn new(at: impl Into<String>, map: &'a Map<String, Value>) -> Self {
        Self { at: at.into(), map }
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.map.contains_key(name)
    }

    pub(crate) fn value(&self, name: &str) -> Option<&'a Value> {
        self.map.get(name).filter(|value| !value.is_null())
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a String> {
        self.map.keys()
    }

    pub(crate) fn wrong(&self, name: &str, what: &str) -> PartError {
        PartError {
            at: self.at.clone(),
            what: format!("`{name}` {what}"),
        }
    }

    fn required(&self, name: &str) -> Result<&'a Value, PartError> {
        self.value(name)
            .ok_or_else(|| self.wrong(name, "is missing"))
    }

    /// Hexadecimal bytes.
    pub(crate) fn hex(&self, name: &str) -> Result<Hex, PartError> {
        let text = self.text(name)?;
        Hex::parse(&text).ok_or_else(|| self.wrong(name, "is not hexadecimal"))
    }

    /// Hexadecimal bytes; none if the field is not there.
    pub(crate) fn hex_or_empty(&self, name: &str) -> Result<Hex, PartError> {
        match self.value(name) {
            Some(_) => self.hex(name),
            None => Ok(Hex::default()),
        }
    }

    pub(crate) fn text(&self, name: &str) -> Result<String, PartError> {
        self.required(name)?
            .as_str()
            .map(str::to_owned)
            .ok_or_else(|| self.wrong(name, "is not a string"))
    }

    pub(crate) fn text_or_empty(&self, name: &str) -> String {
        self.value(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    }

    pub(crate) fn number(&self, name: &str) -> Result<u64, PartError> {
        self.required(name)?
            .as_u64()
            .ok_or_else(|| self.wrong(name, "is not a whole number of at most 64 bits"))
    }

    /// An array of whole numbers.
    pub(crate) fn numbers(&self, name: &str) -> Result<Vec<u64>, PartError> {
        let numbers = self.required(name)?.as_array();
        numbers
            .and_then(|numbers| numbers.iter().map(Value::as_u64).collect())
            .ok_or_else(|| self.wrong(name, "is not an array of whole numbers"))
    }

    /// An array of strings; none if the field is not there.
    pub(crate) fn texts(&self, name: &str) -> Vec<String> {
        let texts = self.value(name).and_then(Value::as_array);
        texts.map_or_else(Vec::new, |texts| {
            let texts = texts.iter().filter_map(Value::as_str);
            texts.map(str::to_owned).collect()
        })
    }

    pub(crate) fn number64(&self, name: &str) -> Result<Number, PartError> {
        self.number(name).map(Number)
    }

    pub(crate) fn size(&self, name: &str) -> Result<usize, PartError> {
        usize::try_from(self.number(name)?).map_err(|_| self.wrong(name, "is too large"))
    }

    pub(crate) fn number16(&self, name: &str) -> Result<u16, PartError> {
        u16::try_from(self.number(name)?).map_err(|_| self.wrong(name, "has more than 16 bits"))
    }

    pub(crate) fn flag(&self, flag: &str) -> bool {
        self.value("flags")
            .and_then(Value::as_array)
            .is_some_and(|flags| flags.iter().any(|value| value == flag))
    }

    /// An object within this one.
    pub(crate) fn object(&self, name: &str) -> Result<Self, PartError> {
        let map = self
            .required(name)?
            .as_object()
            .ok_or_else(|| self.wrong(name, "is not an object"))?;
        Ok(Self::new(format!("{}: {name}", self.at), map))
    }

    /// The objects of an array.
    pub(crate) fn objects(&self, name: &str) -> Result<Vec<Self>, PartError> {
        self.required(name)?
            .as_array()
            .ok_or_else(|| self.wrong(name, "is not an array"))?
            .iter()
            .enumerate()
            .map(|(i, value)| {
                let map = value
                    .as_object()
                    .ok_or_else(|| self.wrong(name, "holds something that is not an object"))?;
                let number = map.get("tcId").and_then(Value::as_u64);
                let at = match number {
                    Some(number) => format!("tcId {number}"),
                    None => format!("{name}[{i}]"),
                };
                Ok(Self::new(at, map))
            })
            .collect()
    }

    /// The cases of an array, each made by `steps`.
    pub(crate) fn cases(
        &self,
        name: &str,
        steps: impl Fn(&Self) -> Result<Result<Vec<Step>, String>, PartError>,
    ) -> Result<Vec<Case>, PartError> {
        self.objects(name)?
            .iter()
            .zip(1..)
            .map(|(fields, place): (_, u64)| {
                Ok(Case {
                    id: fields.number("tcId").unwrap_or(place).to_string(),
                    comment: fields.text_or_empty("comment"),
                    steps: steps(fields)?,
                })
            })
            .collect()
    }
}
