//! The command as a person or a machine runs it: what it says, and the exit code.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Files of edge cases, and how many there are in each.
const EDGES: [(&str, u64); 15] = [
    ("smrtc/hkdf_sm3_edges_test.json", 55),
    ("smrtc/hmac_sm3_edges_test.json", 684),
    ("smrtc/sm2_curve_edges_test.json", 267),
    ("smrtc/sm2_key_exchange_edges_test.json", 232),
    ("smrtc/sm2_pke_edges_test.json", 291),
    ("smrtc/sm2_sign_edges_test.json", 43),
    ("smrtc/sm2_verify_edges_test.json", 160),
    ("smrtc/sm3_edges_test.json", 319),
    ("smrtc/sm4_cbc_edges_test.json", 60),
    ("smrtc/sm4_cbc_pkcs7_edges_test.json", 158),
    ("smrtc/sm4_ccm_edges_test.json", 358),
    ("smrtc/sm4_ctr_edges_test.json", 206),
    ("smrtc/sm4_gcm_edges_test.json", 387),
    ("smrtc/sm4_xts_gb_edges_test.json", 175),
    ("smrtc/sm4_xts_ieee_edges_test.json", 175),
];

/// Runs `smrtc-vectors` from the folder `vectors/`.
fn smrtc_vectors(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_smrtc-vectors"))
        .args(words)
        .current_dir(smrtc_vectors::directory())
        .output()
        .expect("the command starts")
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A place for the files of one test.
fn folder(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    fs::create_dir_all(&folder).expect("a folder for the test");
    folder
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::write(&path, text).expect("written");
    path.to_str().expect("UTF-8").to_owned()
}

/// Passed, failed and unsupported of the line of totals.
fn totals(output: &Output) -> Vec<usize> {
    let text = out(output);
    let line = text.lines().last().unwrap_or_default();
    assert!(line.starts_with("total:"), "{text}{}", err(output));
    line.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

/// Whether Python runs `script`; says so if a test cannot be run.
fn python(script: &str) -> bool {
    let runs = Command::new("python3")
        .args(["-c", script])
        .output()
        .is_ok_and(|output| output.status.success());
    if !runs {
        eprintln!("not run: no python3 here that runs `{script}`");
    }
    runs
}

fn passed_of(groups: &[Value], file: &str) -> u64 {
    groups
        .iter()
        .filter(|group| group["file"] == file)
        .map(|group| group["counts"]["passed"].as_u64().expect("a count"))
        .sum()
}

#[test]
fn the_tree_agrees_and_every_case_is_counted() {
    let folder = folder("tree");
    let (json, junit) = (folder.join("report.json"), folder.join("report.xml"));
    let output = smrtc_vectors(&[
        "check",
        "--json",
        json.to_str().unwrap(),
        "--junit",
        junit.to_str().unwrap(),
    ]);
    assert_eq!(code(&output), Some(0), "{}{}", out(&output), err(&output));
    let [passed, failed, unsupported] = totals(&output)[..] else {
        panic!("{}", out(&output));
    };
    assert_eq!(failed, 0);
    assert!(passed > 4600, "only {passed} passed");

    let report: Value = serde_json::from_str(&fs::read_to_string(json).unwrap()).unwrap();
    let groups = report["runs"][0]["groups"].as_array().unwrap();
    let cases: Vec<_> = groups
        .iter()
        .flat_map(|group| group["cases"].as_array().unwrap())
        .collect();
    assert_eq!(cases.len(), passed + unsupported);
    for case in &cases {
        let words = case["words"].as_str().unwrap();
        assert_eq!(case["result"] == "unsupported", !words.is_empty(), "{case}");
    }
    for (file, count) in [
        ("wycheproof/hmac_sm3_test.json", 174),
        ("wycheproof/sm4_gcm_test.json", 104),
        ("smrtc/sframe_sm4_gcm_sm3.json", 67),
        ("smrtc/external_key.json", 36),
        ("smrtc/hkdf.json", 12),
        ("sframe/rfc9605-test-vectors.json", 291),
        ("botan/sm3.json", 139),
        ("gmsm/sm4_cbc.json", 15),
        ("gmsm/sm4_xts_gb_sample.json", 17),
        ("tongsuo/sm4_modes.json", 11),
        ("tongsuo/sm2_pke_test.json", 4),
        ("botan/sm2_public_key_test.json", 63),
        ("botan/sm2_sign_test.json", 1),
        ("hitls/sm2_sign_test.json", 1),
        ("hitls/sm2_verify_test.json", 6),
        ("hitls/sm2_pke_test.json", 6),
        ("hitls/sm2_key_exchange_test.json", 2),
        ("hitls/sm4_gcm_test.json", 4),
        ("hitls/sm4_xts_gb_test.json", 4),
    ]
    .into_iter()
    .chain(EDGES)
    {
        assert_eq!(passed_of(groups, file), count, "{file}");
    }

    let xml = fs::read_to_string(junit).unwrap();
    assert_eq!(xml.matches("<testcase ").count(), cases.len());
    assert_eq!(xml.matches("<skipped ").count(), unsupported);
}

#[test]
fn every_back_end_of_this_machine_agrees_and_an_unknown_one_is_refused() {
    let edges = "smrtc/sm4_gcm_edges_test.json";
    let output = smrtc_vectors(&["check", "--backend", "all", edges]);
    assert_eq!(code(&output), Some(0), "{}", out(&output));
    for backend in smrtc_vectors_check::ours::Ours::backends() {
        assert!(out(&output).contains(&format!("[{backend}]")), "{backend}");
        let output = smrtc_vectors(&["check", "--backend", backend, edges]);
        assert_eq!(totals(&output), [387, 0, 0], "{backend}");
    }
    let output = smrtc_vectors(&["check", "--backend", "abacus", edges]);
    assert_eq!(code(&output), Some(2));
    assert!(err(&output).contains("portable"), "{}", err(&output));
}

#[test]
fn a_corrupted_vector_is_caught() {
    let folder = folder("corrupted");
    for (file, array, field, case) in [
        (
            "wycheproof/sm4_gcm_test.json",
            "/testGroups/0/tests",
            "tag",
            0,
        ),
        (
            "wycheproof/sm4_gcm_test.json",
            "/testGroups/0/tests",
            "ct",
            0,
        ),
        (
            "wycheproof/hmac_sm3_test.json",
            "/testGroups/0/tests",
            "tag",
            1,
        ),
        ("tongsuo/sm3.json", "/tests", "md", 1),
        ("tongsuo/sm4_modes.json", "/tests", "ct", 8),
        ("sframe/rfc9605-test-vectors.json", "/sframe", "ct", 3),
        ("sframe/rfc9605-test-vectors.json", "/header", "encoded", 40),
        ("smrtc/hkdf.json", "/hkdf", "okm", 5),
        ("hitls/sm2_sign_test.json", "/testGroups/0/tests", "sig", 0),
        ("hitls/sm2_verify_test.json", "/testGroups/0/tests", "id", 0),
        ("hitls/sm2_pke_test.json", "/testGroups/0/tests", "msg", 1),
        (
            "hitls/sm2_key_exchange_test.json",
            "/testGroups/0/tests",
            "confirmation",
            0,
        ),
        (
            "hitls/sm2_key_exchange_test.json",
            "/testGroups/0/tests",
            "peerConfirmation",
            1,
        ),
        (
            "botan/sm2_public_key_test.json",
            "/testGroups/0/tests",
            "public",
            9,
        ),
    ] {
        let text = fs::read_to_string(smrtc_vectors::directory().join(file)).unwrap();
        let mut content: Value = serde_json::from_str(&text).unwrap();
        let value = &mut content.pointer_mut(array).unwrap()[case][field];
        let mut digits = value.as_str().unwrap().to_owned();
        let last = digits.pop().unwrap();
        digits.push(if last == '0' { '1' } else { '0' });
        *value = digits.into();

        let path = write(&folder, "corrupted.json", &content.to_string());
        let output = smrtc_vectors(&["check", &path]);
        assert_eq!(code(&output), Some(1), "{file}: {}", out(&output));
        assert_eq!(totals(&output)[1], 1, "{file}: {}", out(&output));
        let named = format!("     case {}:", case + 1);
        assert!(out(&output).contains(&named), "{file}: {}", out(&output));
    }
}

#[test]
fn a_negative_case_that_is_accepted_is_a_disagreement() {
    let folder = folder("negative");
    let file = "wycheproof/sm4_gcm_test.json";
    let text = fs::read_to_string(smrtc_vectors::directory().join(file)).unwrap();
    let mut file: Value = serde_json::from_str(&text).unwrap();
    let valid = &mut file["testGroups"][0]["tests"][0];
    assert_eq!(valid["result"], "valid");
    valid["result"] = "invalid".into();
    let path = write(&folder, "negative.json", &file.to_string());
    let output = smrtc_vectors(&["check", &path]);
    assert_eq!(code(&output), Some(1));
    let words = "case 1: aead-open: accepted what must be refused";
    assert!(out(&output).contains(words), "{}", out(&output));
}

#[test]
fn malformed_files_and_commands_say_what_is_wrong() {
    let folder = folder("malformed");
    let case = r#"{"tcId": 7, "key": "00", "msg": "", "tag": "zz", "result": "valid"}"#;
    let group = |case: &str, number: u32| {
        format!(
            r#"{{"algorithm": "HMACSM3", "numberOfTests": {number},
                "testGroups": [{{"type": "MacTest", "tagSize": 256, "tests": [{case}]}}]}}"#
        )
    };
    for (name, text, words) in [
        ("not_json", "{", "not JSON"),
        ("array", "[]", "neither a Wycheproof file"),
        ("unknown", r#"{"a": 1}"#, "neither a Wycheproof file"),
        ("empty", r#"{"algorithm": "SM3", "tests": []}"#, "no case"),
        ("odd_hex", &group(case, 1), "tcId 7: `tag` is not hex"),
        (
            "missing",
            &group(r#"{"tcId": 8, "result": "valid"}"#, 1),
            "tcId 8: `key` is missing",
        ),
        (
            "result",
            &group(&case.replace("valid", "maybe"), 1),
            "`maybe`",
        ),
        (
            "count",
            &group(&case.replace("zz", "00"), 2),
            "`numberOfTests` is 2",
        ),
        (
            "type",
            r#"{"sframe": [{"cipher_suite": 70000}]}"#,
            "more than 16 bits",
        ),
        ("objects", r#"{"sframe": [1]}"#, "not an object"),
    ] {
        let path = write(&folder, &format!("{name}.json"), text);
        let output = smrtc_vectors(&["check", &path]);
        assert_eq!(code(&output), Some(2), "{name}: {}", out(&output));
        assert!(err(&output).contains(words), "{name}: {}", err(&output));
    }
    for words in [
        &["check", "no_such_file.json"][..],
        &["check", "--colour"],
        &["check", "--json"],
        &["check", "--impl", "x", "--backend", "portable"],
        &["kat"],
        &["chekc"],
        &[],
    ] {
        let output = smrtc_vectors(words);
        assert_eq!(code(&output), Some(2), "{words:?}");
        assert!(!err(&output).is_empty());
    }
}

#[test]
fn a_run_that_checks_nothing_is_no_success() {
    let output = smrtc_vectors(&["check", "botan/sm2_enc.json"]);
    assert_eq!(code(&output), Some(1));
    assert_eq!(totals(&output), [0, 0, 5]);
    assert!(err(&output).contains("nothing was checked"));
}

#[test]
fn a_group_of_unknown_type_is_counted() {
    let folder = folder("unknown_type");
    let text = r#"{"algorithm": "SM9", "numberOfTests": 2, "testGroups": [
        {"type": "Sm9Test", "tests": [{"tcId": 1}, {"tcId": 2}]}]}"#;
    let output = smrtc_vectors(&["check", &write(&folder, "sm9.json", text)]);
    assert_eq!(totals(&output), [0, 0, 2]);
    assert!(out(&output).contains("Sm9Test"), "{}", out(&output));
}

#[test]
fn strict_takes_what_is_unsupported_for_a_disagreement() {
    let files = ["tongsuo/sm3.json", "botan/sm2_enc.json"];
    let output = smrtc_vectors(&[&["check"][..], &files].concat());
    assert_eq!(code(&output), Some(0));
    let output = smrtc_vectors(&[&["check", "--strict"][..], &files].concat());
    assert_eq!(code(&output), Some(1));
}

#[test]
fn the_list_gives_no_verdict_and_says_why_a_group_is_not_run() {
    let output = smrtc_vectors(&["check", "--list", "wycheproof"]);
    assert_eq!(code(&output), Some(0));
    let text = out(&output);
    assert!(text.contains("SM4-GCM, nonce 96 bits: 65 cases"), "{text}");
    assert!(
        text.contains("portable") && !text.contains("passed"),
        "{text}"
    );
    let output = smrtc_vectors(&["check", "--list"]);
    for words in [
        "hitls/sm9_raw.json · SM9 raw: 36 cases, 36 not run (SM9",
        "hitls/sm2_sig.json: its cases are in hitls/sm2_sign_test.json",
        "tongsuo/sm4_modes.json · SM4-OFB: 1 cases, 1 not run (encrypt: SM4-OFB is not",
    ] {
        assert!(out(&output).contains(words), "{words}: {}", out(&output));
    }
}

#[test]
fn what_is_exported_is_checked_like_any_file_and_has_a_source_in_each_case() {
    let folder = folder("kat");
    let path = folder.to_str().unwrap();
    let output = smrtc_vectors(&["kat", "--out", path]);
    assert_eq!(code(&output), Some(0), "{}", err(&output));
    let output = smrtc_vectors(&["check", path]);
    assert_eq!(code(&output), Some(0), "{}", out(&output));
    let [passed, 0, 0] = totals(&output)[..] else {
        panic!("{}", out(&output));
    };
    let edges: u64 = EDGES.iter().map(|(_, cases)| cases).sum();
    assert_eq!(passed as u64, 67 + 36 + 12 + edges);

    let mut sources = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        for group in file["testGroups"].as_array().unwrap() {
            for case in group["tests"].as_array().unwrap() {
                let source = case["source"].as_str().unwrap();
                assert!(source.contains("reference"), "{case}");
                sources += 1;
            }
        }
    }
    assert_eq!(sources, passed);
}

#[test]
fn the_plain_python_reference_agrees_over_the_pipe_and_a_planted_fault_is_found() {
    if !python("import hashlib") {
        return;
    }
    let files = ["wycheproof", "tongsuo", "sframe", "smrtc/hkdf.json", "gmsm"];
    let command = "python3 -B adapters/reference.py";
    let output = smrtc_vectors(&[&["check", "--impl", command][..], &files].concat());
    assert_eq!(code(&output), Some(0), "{}{}", out(&output), err(&output));
    assert!(totals(&output)[0] > 690, "{}", out(&output));

    let planted = format!("{command} --plant");
    let file = "wycheproof/sm4_gcm_test.json";
    let output = smrtc_vectors(&["check", "--impl", &planted, file]);
    assert_eq!(code(&output), Some(1), "{}", err(&output));
    let text = out(&output);
    assert!(text.contains("aead-seal: ct is"), "{text}");
    let words = "aead-open: accepted what must be refused";
    assert!(text.contains(words), "{text}");
}

#[test]
fn openssl_agrees_over_the_pipe() {
    if !python("import cryptography") {
        return;
    }
    let command = "python3 -B adapters/openssl.py";
    let output = smrtc_vectors(&["check", "--impl", command]);
    assert_eq!(code(&output), Some(0), "{}{}", out(&output), err(&output));
    assert!(totals(&output)[0] > 2300, "{}", out(&output));
}

#[test]
fn an_implementation_that_dies_or_babbles_is_reported() {
    let hello = r#"{"id": 0, "result": "ok", "protocol": 1, "name": "x"}"#;
    let perhaps = r#"{"id": 1, "result": "perhaps"}"#;
    for (command, words) in [
        ("no-such-program-anywhere".to_owned(), "ended"),
        ("read a; echo hello".to_owned(), "request 0 with `hello`"),
        (
            format!("read a; echo '{}'", hello.replace(": 1", ": 9")),
            "`protocol` must be 1",
        ),
        (format!("read a; echo '{hello}'"), "request 1"),
        (
            format!("read a; echo '{hello}'; read a; echo '{perhaps}'; cat >/dev/null"),
            "`result` must be",
        ),
    ] {
        let output = smrtc_vectors(&["check", "--impl", &command, "smrtc/hkdf.json"]);
        assert_eq!(code(&output), Some(2), "{command}: {}", out(&output));
        assert!(err(&output).contains(words), "{command}: {}", err(&output));
    }
}
