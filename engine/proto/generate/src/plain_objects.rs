//! Attributes by which the types of the schema serialize, and are declared in TypeScript.

/// What a page sends and gets is a plain object of the same names: camelCase, enumerations by name,
/// the body in `kind`. `engine/src/control/plain.rs` has what single fields need for it. The SDK's
/// TypeScript is declared from the same types, so the schema is the only place that names them.
pub(crate) fn plain_objects(config: &mut prost_build::Config) {
    for (names, direction) in [
        (REQUESTS, "Deserialize"),
        (REPLIES, "Serialize"),
        (&["Track"][..], "Serialize, serde::Deserialize"),
    ] {
        for name in names {
            derive(config, name, direction, "");
            config.type_attribute(path(name), r#"#[serde(rename_all = "camelCase")]"#);
        }
    }
    for (body, direction, name, hidden) in [
        (
            "ClientMessage.body",
            "Deserialize",
            "RequestBody",
            NOT_REQUESTED,
        ),
        (
            "ServerMessage.body",
            "Serialize",
            "Notification",
            NOT_NOTIFIED,
        ),
    ] {
        derive(
            config,
            body,
            direction,
            &format!(", ts(rename = \"{name}\")"),
        );
        let tagged = r#"#[serde(tag = "kind", rename_all = "kebab-case")]"#;
        config.type_attribute(path(body), tagged);
        for variant in hidden {
            config.field_attribute(path(&format!("{body}.{variant}")), "#[serde(skip)]");
        }
    }
    for (name, function, unspecified, fields) in ENUMERATIONS {
        derive(config, name, "Serialize, serde::Deserialize", "");
        config.type_attribute(path(name), r#"#[serde(rename_all = "lowercase")]"#);
        if let Some(variant) = unspecified {
            config.field_attribute(path(&format!("{name}.{variant}")), "#[serde(skip)]");
        }
        for field in *fields {
            serialize(config, field, function);
            declare(config, field, &format!("as = \"{name}\""));
            if field.starts_with("Track.") {
                let number = format!("crate::control::plain::number::<{name}, _>");
                let attribute = format!("#[serde(deserialize_with = \"{number}\")]");
                config.field_attribute(path(field), attribute);
            }
        }
    }
    serialize(config, "Joined.attach_ticket", "bytes");
    declare(config, "Joined.attach_ticket", r#"type = "Uint8Array""#);
    for track in ["TrackChanged.track", "Publish.track", "UpdateTrack.track"] {
        // Whoever sends the message sets it.
        declare(config, track, r#"as = "Track""#);
    }
}

/// Derives one direction of serde, and the declaration, for a type.
fn derive(config: &mut prost_build::Config, name: &str, direction: &str, declared: &str) {
    config.type_attribute(path(name), format!("#[derive(serde::{direction})]"));
    let declaration = format!("#[cfg_attr(feature = \"typescript\", derive(ts_rs::TS){declared})]");
    config.type_attribute(path(name), declaration);
}

/// Serializes a field by a function of `plain.rs`.
fn serialize(config: &mut prost_build::Config, field: &str, function: &str) {
    let with = format!("#[serde(serialize_with = \"crate::control::plain::{function}\")]");
    config.field_attribute(path(field), with);
}

/// Declares a field as what comes of that.
fn declare(config: &mut prost_build::Config, field: &str, declared: &str) {
    let declaration = format!("#[cfg_attr(feature = \"typescript\", ts({declared}))]");
    config.field_attribute(path(field), declaration);
}

fn path(name: &str) -> String {
    format!(".smrtc.control.v1.{name}")
}

/// What a page asks for beside Join, for which the engine has a call of its own.
const REQUESTS: &[&str] = &[
    "Leave",
    "Publish",
    "Unpublish",
    "UpdateTrack",
    "Subscribe",
    "Unsubscribe",
];
/// What a page is told.
const REPLIES: &[&str] = &[
    "Joined",
    "Peer",
    "PeerLeft",
    "TrackChanged",
    "TrackGone",
    "Closing",
];
/// Bodies of requests that the engine makes by itself.
const NOT_REQUESTED: &[&str] = &[
    "join",
    "mls_key_packages",
    "mls_claim",
    "mls_commit",
    "mls_get_group",
    "mls_put_tree",
    "mls_heartbeat",
];
/// Bodies that answer a request or are for the group's keys.
const NOT_NOTIFIED: &[&str] = &[
    "joined",
    "done",
    "error",
    "mls_key_package",
    "mls_outcome",
    "mls_group",
    "mls_committed",
    "mls_welcome",
    "mls_tree_wanted",
    "mls_heartbeat",
    "mls_add_wanted",
    "mls_key_packages_low",
];
/// Enumerations: name, function of `plain.rs`, the variant that has no name there, and the fields.
const ENUMERATIONS: &[(&str, &str, Option<&str>, &[&str])] = &[
    (
        "Role",
        "role",
        Some("ROLE_UNSPECIFIED"),
        &["Joined.role", "Peer.role"],
    ),
    (
        "LeaveReason",
        "leave_reason",
        Some("LEAVE_REASON_UNSPECIFIED"),
        &["PeerLeft.reason"],
    ),
    (
        "MediaKind",
        "media_kind",
        Some("MEDIA_KIND_UNSPECIFIED"),
        &["Track.kind"],
    ),
    ("StreamType", "stream_type", None, &["Track.stream"]),
];
