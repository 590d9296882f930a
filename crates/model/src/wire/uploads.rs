//! Uploads through signed URLs: rows too large for a body, and attachments.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Body of `POST /logs3/overflow`: what is about to be uploaded.
#[derive(Debug, Serialize)]
pub struct OverflowRequest<'a> {
    /// Of the upload.
    pub content_type: &'a str,
    /// Length of the upload.
    pub size_bytes: u64,
    /// What of each row the server may want to know before.
    pub rows: Vec<OverflowRow<'a>>,
}

/// One row of an [`OverflowRequest`].
#[derive(Debug, Serialize)]
pub struct OverflowRow<'a> {
    /// Members that say where the row belongs, as they are in it.
    pub object_ids: BTreeMap<&'a str, &'a RawValue>,
    /// Whether it deletes.
    pub is_delete: bool,
    /// Whether it is a comment.
    pub has_comment: bool,
    /// Its size.
    pub input_row: RowInput,
}

/// The size of a row in an [`OverflowRow`].
#[derive(Debug, Clone, Copy, Serialize)]
pub struct RowInput {
    /// Of its JSON in UTF-8.
    pub byte_size: u64,
}

/// Reply to `POST /logs3/overflow`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct OverflowReply {
    /// How the document is uploaded.
    #[serde(flatten)]
    pub upload: SignedUpload,
    /// By which it is named afterwards.
    pub key: String,
}

/// A URL that needs no key, and how something is sent there.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct SignedUpload {
    /// `PUT` by default, or `POST` for a form.
    #[serde(default)]
    pub method: Option<String>,
    /// Absolute. Whoever has it can upload.
    #[serde(rename = "signedUrl")]
    pub signed_url: String,
    /// Of the request.
    #[serde(default)]
    pub headers: Option<BTreeMap<String, String>>,
    /// Of the form, before the file.
    #[serde(default)]
    pub fields: Option<BTreeMap<String, String>>,
}

impl std::fmt::Debug for SignedUpload {
    /// Leaves out what would let a reader of a log upload.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SignedUpload").field("method", &self.method).finish_non_exhaustive()
    }
}

/// Body of `POST /logs3` that names an upload instead of holding rows.
#[derive(Debug, Serialize)]
pub struct OverflowName<'a> {
    rows: OverflowKey<'a>,
    api_version: u32,
}

#[derive(Debug, Serialize)]
struct OverflowKey<'a> {
    r#type: &'a str,
    key: &'a str,
}

impl<'a> OverflowName<'a> {
    /// Names the upload of this key.
    #[must_use]
    pub fn new(key: &'a str, api_version: u32) -> Self {
        Self { rows: OverflowKey { r#type: "logs3_overflow", key }, api_version }
    }
}

/// A reference to an attachment, as it stands in rows.
#[derive(Debug, Clone, Serialize)]
pub struct AttachmentRef<'a> {
    r#type: &'a str,
    filename: &'a str,
    content_type: &'a str,
    key: &'a str,
}

impl<'a> AttachmentRef<'a> {
    /// Refers to the upload of this key.
    #[must_use]
    pub fn new(filename: &'a str, content_type: &'a str, key: &'a str) -> Self {
        Self { r#type: "braintrust_attachment", filename, content_type, key }
    }
}

/// A reference to something that is stored elsewhere, as it stands in rows.
#[derive(Debug, Clone, Serialize)]
pub struct ExternalRef<'a> {
    r#type: &'a str,
    filename: &'a str,
    content_type: &'a str,
    url: &'a str,
}

impl<'a> ExternalRef<'a> {
    /// Refers to what is under this URL.
    #[must_use]
    pub fn new(filename: &'a str, content_type: &'a str, url: &'a str) -> Self {
        Self { r#type: "external_attachment", filename, content_type, url }
    }
}

/// Body of `POST /attachment`; the reply is a [`SignedUpload`].
#[derive(Debug, Serialize)]
pub struct AnnounceAttachment<'a> {
    /// Chosen by whoever uploads.
    pub key: &'a str,
    /// For whoever downloads.
    pub filename: &'a str,
    /// Of the bytes.
    pub content_type: &'a str,
    /// Organisation of the login.
    pub org_id: &'a str,
}

/// Body of `POST /attachment/status`.
#[derive(Debug, Serialize)]
pub struct AttachmentReport<'a> {
    /// Of the attachment.
    pub key: &'a str,
    /// Organisation of the login.
    pub org_id: &'a str,
    /// How the upload ended.
    pub status: UploadStatus,
}

/// How far an upload has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UploadStatus {
    /// `uploading`, `done` or `error`.
    pub upload_status: String,
    /// Of an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
}

/// Reply to `GET /attachment`.
#[derive(Clone, PartialEq, Eq, Deserialize)]
pub struct AttachmentReply {
    /// Absolute. Whoever has it can download.
    #[serde(rename = "downloadUrl")]
    pub download_url: String,
    /// How far the upload has come.
    pub status: UploadStatus,
}

impl std::fmt::Debug for AttachmentReply {
    /// Leaves out what would let a reader of a log download.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AttachmentReply").field("status", &self.status).finish_non_exhaustive()
    }
}
