//! `POST /api/apikey/login` and `GET /version`.

use serde::{Deserialize, Serialize};

/// Reply to a login: the organisations the key may act in.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginReply {
    /// Never empty for a valid key.
    #[serde(default)]
    pub org_info: Vec<OrgInfo>,
}

/// One organisation of a [`LoginReply`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrgInfo {
    /// UUID.
    pub id: String,
    /// Name, matched against `BRAINTRUST_ORG_NAME`.
    pub name: String,
    /// Base URL of the data plane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_url: Option<String>,
    /// Base URL of the function and model proxy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy_url: Option<String>,
    /// Base URL of the realtime service; unused by the SDKs' eval flows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realtime_url: Option<String>,
    /// Whether the data plane serves the whole `/v1` family.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_universal_api: Option<bool>,
    /// What git information the organisation allows clients to send.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub git_metadata: Option<GitMetadataSettings>,
}

/// How much of `repo_info` may be collected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GitMetadataCollect {
    /// Everything.
    All,
    /// Only the listed fields.
    Some,
    /// Nothing; also what an unknown word means, since leaking is worse than missing.
    #[default]
    #[serde(other)]
    None,
}

/// The organisation's `git_metadata` settings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GitMetadataSettings {
    /// How much.
    #[serde(default)]
    pub collect: GitMetadataCollect,
    /// Field names of `repo_info` for [`GitMetadataCollect::Some`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
}

/// Reply to `GET /version`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct VersionReply {
    /// Body limit of `/logs3` in bytes. Announcing one also announces that `/logs3/overflow`
    /// works, so a server without it leaves this out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs3_payload_max_bytes: Option<i64>,
    /// Values of `Content-Encoding` that `/logs3` understands, best first. An extension of ours:
    /// servers that do not know it leave it out, clients that do not know it ignore it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logs3_content_encodings: Option<Vec<String>>,
    /// Longest profile of a run, in bytes, that `PUT /api/experiments/{id}/profile` takes. An
    /// extension of ours: servers that keep no profiles leave it out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile_max_bytes: Option<u64>,
}
