//! Start of a client: `POST /api/apikey/login` and `GET /version`.

use std::sync::Arc;

use axum::extract::State;
use tidegate_model::limits::DEFAULT_MAX_REQUEST_BYTES;
use tidegate_model::wire::session::{
    GitMetadataCollect, GitMetadataSettings, LoginReply, OrgInfo, VersionReply,
};

use super::encoding::ENCODINGS;
use super::links::BaseUrl;
use super::profile::PROFILE_BYTES;
use super::reply::Json;
use crate::app::App;

/// One process serves all origins, at the address the client came by.
pub(super) async fn login(State(app): State<Arc<App>>, base: BaseUrl) -> Json<LoginReply> {
    let org = OrgInfo {
        id: app.org.id.clone(),
        name: app.org.name.clone(),
        api_url: Some(base.0.clone()),
        proxy_url: Some(base.0.clone()),
        realtime_url: Some(base.0),
        is_universal_api: Some(true),
        git_metadata: Some(GitMetadataSettings { collect: GitMetadataCollect::All, fields: None }),
    };
    Json(LoginReply { org_info: vec![org] })
}

/// The limit announces overflow uploads too. It is what clients take for granted without one, not
/// all that is taken: requests stay small, and a row beyond it goes by upload or, from clients that
/// do not know how, as it is.
pub(super) async fn version(State(app): State<Arc<App>>) -> Json<VersionReply> {
    let limit = DEFAULT_MAX_REQUEST_BYTES.min(app.max_body_bytes as u64);
    let encodings = ENCODINGS.map(str::to_owned).to_vec();
    Json(VersionReply {
        logs3_payload_max_bytes: i64::try_from(limit).ok(),
        logs3_content_encodings: Some(encodings),
        profile_max_bytes: Some(PROFILE_BYTES as u64),
    })
}
