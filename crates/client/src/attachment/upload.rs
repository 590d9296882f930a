//! The requests of one attachment.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Method;
use tidegate_model::wire::uploads::{
    AnnounceAttachment, AttachmentReport, SignedUpload, UploadStatus,
};
use tokio::sync::mpsc;

use super::queue::What;
use super::{About, Attachment, Data, Step, Verdict};
use crate::budget::Budget;
use crate::error::ApiError;
use crate::experiment;
use crate::http::{Answer, Content, Signed};
use crate::inbox::DropReason;
use crate::pipeline::Reply;
use crate::session::{Origin, Session, failed, judge};

/// Pieces of a file that wait for the connection.
const PIECES: usize = 1;
/// Of the message that a server keeps of a failure.
const MOST_MESSAGE_CHARS: usize = 500;

/// Why a step is not done; `Reply` is what rows would make of the same answer.
enum Fault {
    Reply(Reply),
    Stop(DropReason, String),
}

impl From<ApiError> for Fault {
    fn from(error: ApiError) -> Self {
        Self::Reply(failed(&error))
    }
}

impl Session {
    /// Takes one step for an attachment: all requests of an upload, or only the last one.
    pub(crate) async fn attach(&self, step: Step, budget: &Arc<Budget>) -> Verdict {
        let mut is_uploaded = matches!(step.what, What::Complete);
        let done = match &step.what {
            What::Complete => self.report_attachment(&step.about, "done", None).await,
            What::Report(message) => self.report_failure(&step.about, message).await,
            What::Upload(attachment) => match self.upload_attachment(attachment, budget).await {
                Ok(()) => {
                    is_uploaded = true;
                    self.report_attachment(&step.about, "done", None).await
                }
                fault => fault,
            },
        };
        match done {
            Ok(()) => Verdict::Done,
            Err(Fault::Stop(reason, detail)) => {
                Verdict::Stop { reason, detail: named(&step.about, &detail) }
            }
            Err(Fault::Reply(reply)) => verdict(reply, &step.about, is_uploaded),
        }
    }

    async fn upload_attachment(
        &self,
        attachment: &Attachment,
        budget: &Arc<Budget>,
    ) -> Result<(), Fault> {
        let about = attachment.about();
        let answer = self.announce_attachment(about).await?;
        let malformed = || Fault::Stop(DropReason::Rejected, "the server named no URL".to_owned());
        let upload: SignedUpload = serde_json::from_slice(&answer.body).map_err(|_| malformed())?;
        let signed = Signed::checked(upload, "".into()).ok_or_else(malformed)?;
        let (content_type, name) = (&*about.content_type, &*about.filename);
        let answer = match &attachment.0.data {
            Data::Memory(bytes) => {
                let content = Content::of(bytes.clone(), content_type, name);
                self.http().transfer(&signed, content).await?
            }
            Data::File(source) => {
                let (sender, pieces) = mpsc::channel(PIECES);
                let length = source.length();
                let content = Content::pieces(pieces, length, content_type, name);
                let sending = self.http().transfer(&signed, content);
                let reading = Arc::clone(source).read(budget, sender);
                let mut sending = std::pin::pin!(sending);
                let mut reading = std::pin::pin!(reading);
                // Cancel safety: the request is awaited to its end in both cases; one that ends
                // first wants no more of the file.
                let (answer, read) = tokio::select! {
                    biased;
                    answer = &mut sending => (answer, Ok(())),
                    read = &mut reading => ((&mut sending).await, read),
                };
                read.map_err(|error| Fault::Stop(DropReason::Unreadable, error.to_string()))?;
                answer?
            }
        };
        accepted(&answer)
    }

    async fn announce_attachment(&self, about: &About) -> Result<Answer, Fault> {
        // What the login and the limits say first: a refused key is not tried again.
        self.ready().await?;
        let org = self.connected().await?.org.id.clone();
        let request = AnnounceAttachment {
            key: &about.key.to_string(),
            filename: &about.filename,
            content_type: &about.content_type,
            org_id: &org,
        };
        let body = experiment::body(&request).into();
        let (answer, _) = self.request(Origin::Api, Method::POST, "attachment", Some(body)).await?;
        accepted(&answer)?;
        Ok(answer)
    }

    async fn report_attachment(
        &self,
        about: &About,
        status: &str,
        message: Option<String>,
    ) -> Result<(), Fault> {
        self.ready().await?;
        let org = self.connected().await?.org.id.clone();
        let report = AttachmentReport {
            key: &about.key.to_string(),
            org_id: &org,
            status: UploadStatus { upload_status: status.to_owned(), error_message: message },
        };
        let body = Some(experiment::body(&report).into());
        let (answer, _) =
            self.request(Origin::Api, Method::POST, "attachment/status", body).await?;
        accepted(&answer)
    }

    /// Says of an attachment that it will not come. A server may never have heard of it.
    async fn report_failure(&self, about: &About, message: &str) -> Result<(), Fault> {
        self.announce_attachment(about).await?;
        let message = message.chars().take(MOST_MESSAGE_CHARS).collect();
        self.report_attachment(about, "error", Some(message)).await
    }
}

fn accepted(answer: &Answer) -> Result<(), Fault> {
    match judge(answer) {
        Reply::Acknowledged => Ok(()),
        reply => Err(Fault::Reply(reply)),
    }
}

fn named(about: &About, detail: &str) -> String {
    format!("{:?}: {detail}", about.filename)
}

fn verdict(reply: Reply, about: &About, is_uploaded: bool) -> Verdict {
    let retry = |after: Option<Duration>, detail: &str| Verdict::Retry {
        after,
        detail: named(about, detail),
        is_uploaded,
    };
    let (reason, detail) = match reply {
        Reply::Acknowledged => return Verdict::Done,
        Reply::Retry { after, detail } => return retry(after, &detail),
        Reply::TooLarge => (DropReason::TooLarge, "the server does not take so much".to_owned()),
        Reply::Unauthorized { detail } => (DropReason::Unauthorized, detail),
        Reply::Rejected { detail } | Reply::Refused { detail } | Reply::Restart { detail } => {
            (DropReason::Rejected, detail)
        }
        Reply::Next(_) | Reply::OverLimit => return retry(None, "no answer to an attachment"),
    };
    Verdict::Stop { reason, detail: named(about, &detail) }
}
