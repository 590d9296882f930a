//! Start of a client: `POST /api/apikey/login` and `GET /version`.

use std::sync::Arc;

use axum::extract::State;
use tidegate_model::wire::session::{
    GitMetadataCollect, GitMetadataSettings, LoginReply, OrgInfo, VersionReply,
};

use super::encoding::ENCODINGS;
use super::links::BaseUrl;
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

/// Without a limit: announcing one would announce overflow uploads too.
pub(super) async fn version() -> Json<VersionReply> {
    let encodings = ENCODINGS.map(str::to_owned).to_vec();
    Json(VersionReply { logs3_content_encodings: Some(encodings), ..VersionReply::default() })
}
