// A file in recorded data: a picture if it is one of the few types that are safe to show, else a download.

import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { get } from "../api/client";
import { type ApiError, asApiError } from "../api/error";
import { decoded, type FileRef, fileName, isShown } from "../pure/attachments";
import { bytes } from "../pure/format";
import { safeLink } from "../pure/path";
import { label } from "../pure/trace";

interface Download {
  readonly downloadUrl: string;
  readonly status: { readonly upload_status: string; readonly error_message?: string };
}

export function Attachment({ file }: { readonly file: FileRef }) {
  const { source } = file;
  if (source.kind === "key") return <Stored file={file} id={source.key} />;
  if (source.kind === "data") return <Inline file={file} base64={source.base64} />;
  const link = source.kind === "link" ? safeLink(source.url) : null;
  return (
    <span class="file">
      <Name file={file} />
      {link ? (
        // Not loaded by itself: whoever serves it would learn who looks.
        <a href={link} target="_blank" rel="noopener noreferrer">
          Open elsewhere
        </a>
      ) : (
        <span class="faint">not kept here</span>
      )}
    </span>
  );
}

export function Files({ files }: { readonly files: readonly FileRef[] }) {
  if (files.length === 0) return null;
  return (
    <div class="files">
      {files.map((file, index) => (
        <Attachment key={index} file={file} />
      ))}
    </div>
  );
}

function Name({ file, more }: { readonly file: FileRef; readonly more?: string }) {
  return (
    <span class="file-name">
      <bdi class="cut">{label(file.name)}</bdi>
      <span class="faint">{[label(file.type, 60), more].filter(Boolean).join(" · ")}</span>
    </span>
  );
}

function Stored({ file, id }: { readonly file: FileRef; readonly id: string }) {
  const found = useSignal<{ url: string | null; said: string; error: ApiError | null }>({
    url: null,
    said: "",
    error: null,
  });
  useEffect(() => {
    const end = new AbortController();
    get<Download>("/attachment", { key: id }, end.signal).then(
      ({ downloadUrl, status }) => {
        const done = status.upload_status === "done";
        const said = done ? "" : (status.error_message ?? `upload: ${status.upload_status}`);
        found.value = { url: done ? ownPath(downloadUrl) : null, said, error: null };
      },
      (error) => {
        if (!end.signal.aborted) found.value = { url: null, said: "", error: asApiError(error) };
      },
    );
    return () => end.abort();
  }, [id]);
  const { url, said, error } = found.value;
  return (
    <span class="file">
      {url && isShown(file.type) && <Picture url={url} name={file.name} />}
      <Name file={file} />
      {url && (
        <a href={url} download={fileName(file.name)}>
          Download
        </a>
      )}
      {said && <span class="error">{said}</span>}
      {error && (
        <span class="error">{error.status === 404 ? "not uploaded, or deleted" : error.message}</span>
      )}
    </span>
  );
}

/** The path of a signed URL on this server, whatever name the server believes to have. */
function ownPath(url: string): string | null {
  try {
    const { pathname, search } = new URL(url, window.location.href);
    return pathname.startsWith("/attachment/") ? pathname + search : safeLink(url);
  } catch {
    return null;
  }
}

function Inline({ file, base64 }: { readonly file: FileRef; readonly base64: string }) {
  const url = useSignal<string | null>(null);
  const content = useMemo(() => decoded(base64), [base64]);
  useEffect(() => {
    if (!content) return;
    // As what it says only if that can do nothing; otherwise bytes are bytes.
    const type = isShown(file.type) ? file.type : "application/octet-stream";
    const made = URL.createObjectURL(new Blob([content], { type }));
    url.value = made;
    return () => URL.revokeObjectURL(made);
  }, [content, file.type]);
  if (!content) {
    return (
      <span class="file">
        <Name file={file} />
        <span class="error">damaged: not base64</span>
      </span>
    );
  }
  return (
    <span class="file">
      {url.value && isShown(file.type) && <Picture url={url.value} name={file.name} />}
      <Name file={file} more={bytes(content.length)} />
      {url.value && (
        <a href={url.value} download={fileName(file.name)}>
          Download
        </a>
      )}
    </span>
  );
}

function Picture({ url, name }: { readonly url: string; readonly name: string }) {
  const broken = useSignal(false);
  if (broken.value) return <span class="faint">cannot be shown</span>;
  return (
    <img
      src={url}
      alt={label(name)}
      loading="lazy"
      decoding="async"
      referrerpolicy="no-referrer"
      onError={() => {
        broken.value = true;
      }}
    />
  );
}
