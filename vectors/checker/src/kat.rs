//! Exports the vectors of this project in Wycheproof's schema, each value with its independent
//! source.
//!
//! The values come out of the files of `vectors/smrtc/`, which the plain-Python reference wrote.
//! Nothing is computed here, least of all by the code under test.

use serde_json::{Map, Value, json};

/// Who computed the values.
const SOURCE: &str =
    "vectors/reference (SM3, SM4, GCM, HMAC, HKDF and SFrame in plain Python, from the standards)";

/// One exported file.
#[derive(Clone, Debug)]
pub struct Export {
    /// Its file name.
    pub name: String,
    /// Its content.
    pub content: Value,
}

/// The files that `text`, one of `vectors/smrtc/`, becomes; none if its shape is not one of ours.
///
/// # Errors
///
/// If `text` is not JSON.
pub fn export(name: &str, text: &str) -> Result<Vec<Export>, serde_json::Error> {
    let value: Value = serde_json::from_str(text)?;
    if value.get("testGroups").is_some() {
        return Ok(vec![Export {
            name: name.to_owned(),
            content: value,
        }]);
    }
    let array = |key: &str| value.get(key).and_then(Value::as_array);
    let mut exports = Vec::new();
    if let Some(cases) = array("hkdf") {
        for hash in ["SM3", "SHA-256", "SHA-512"] {
            let of_hash = cases.iter().filter(|case| case["hash"] == hash);
            let tests: Vec<_> = of_hash.map(hkdf).collect();
            let algorithm = format!("HKDF-{hash}");
            let file = format!("hkdf_{}_test.json", hash.to_lowercase().replace('-', ""));
            exports.push(file_of(
                &file,
                &algorithm,
                "hkdf_test_schema_v1.json",
                "HkdfTest",
                tests,
            ));
        }
    }
    for (key, algorithm, group) in [
        ("sframe", "SFrame", "SframeTest"),
        ("external_key", "external key", "ExternalKeyTest"),
    ] {
        if let Some(cases) = array(key) {
            let file = format!("{}_test.json", name.trim_end_matches(".json"));
            let schema = "vectors/schema/smrtc_test_schema.json";
            exports.push(file_of(&file, algorithm, schema, group, cases.clone()));
        }
    }
    Ok(exports)
}

fn hkdf(case: &Value) -> Value {
    let mut case = case.clone();
    let okm_digits = case["okm"].as_str().unwrap_or_default().len();
    case["size"] = json!(okm_digits / 2);
    case
}

fn file_of(name: &str, algorithm: &str, schema: &str, group: &str, cases: Vec<Value>) -> Export {
    let tests: Vec<Value> = cases
        .into_iter()
        .zip(1..)
        .map(|(case, number): (_, u32)| {
            let mut test = Map::from_iter([
                ("tcId".to_owned(), json!(number)),
                ("comment".to_owned(), json!("")),
                ("flags".to_owned(), json!([])),
            ]);
            if let Value::Object(fields) = case {
                test.extend(fields);
            }
            test.insert("result".into(), json!("valid"));
            test.insert("source".into(), json!(SOURCE));
            Value::Object(test)
        })
        .collect();
    Export {
        name: name.to_owned(),
        content: json!({
            "algorithm": algorithm,
            "schema": schema,
            "numberOfTests": tests.len(),
            "notes": {},
            "testGroups": [{
                "type": group,
                "source": {"name": SOURCE, "version": env!("CARGO_PKG_VERSION")},
                "tests": tests,
            }],
        }),
    }
}
