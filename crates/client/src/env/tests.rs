use super::*;
use crate::cache::CacheOptions;

fn read(pairs: &[(&str, &str)], directory: &Path) -> Settings {
    let pairs: HashMap<String, String> =
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
    Settings::read(&|name| pairs.get(name).cloned(), directory).expect("readable")
}

#[test]
fn blank_means_unset() {
    let empty = tempfile::tempdir().expect("tempdir");
    let settings = read(&[("BRAINTRUST_API_URL", ""), ("BRAINTRUST_API_KEY", "  ")], empty.path());
    assert!(settings.api_url.is_none() && settings.api_key.is_none());
    assert!(settings.warnings.is_empty());
    assert!(!settings.destination_is_set());
}

#[test]
fn unusable_numbers_are_unset_with_a_warning() {
    let empty = tempfile::tempdir().expect("tempdir");
    let settings = read(
        &[
            ("BRAINTRUST_MAX_CONCURRENT_LOG_REQUESTS", "0"),
            ("BRAINTRUST_MAX_REQUEST_SIZE", "many"),
            ("BRAINTRUST_FLUSH_BACKPRESSURE_BYTES", "123"),
            ("BRAINTRUST_SYNC_FLUSH", "True"),
            ("BRAINTRUST_HTTP_TIMEOUT", "-1"),
        ],
        empty.path(),
    );
    assert_eq!(settings.max_concurrent_log_requests, None);
    assert_eq!(settings.max_request_size, None);
    assert_eq!(settings.flush_backpressure_bytes, Some(123));
    assert_eq!(settings.http_timeout, None);
    assert!(settings.sync_flush);
    assert_eq!(settings.warnings.len(), 3, "{:?}", settings.warnings);
}

#[test]
fn variables_without_effect_say_so() {
    let empty = tempfile::tempdir().expect("tempdir");
    for (name, _) in WITHOUT_EFFECT {
        let settings = read(&[(name, "25")], empty.path());
        assert_eq!(settings.warnings.len(), 1);
        assert!(settings.warnings[0].starts_with(name), "{:?}", settings.warnings);
    }
    let chunk = read(&[("BRAINTRUST_LOG_FLUSH_CHUNK_SIZE", "25")], empty.path());
    assert!(chunk.warnings[0].contains("is deprecated and has no effect"));
}

#[test]
fn the_nearest_file_counts_and_the_environment_wins() {
    let root = tempfile::tempdir().expect("tempdir");
    let inner = root.path().join("a/b");
    fs::create_dir_all(&inner).expect("directories");
    fs::write(root.path().join(FILE_NAME), "BRAINTRUST_ORG_NAME=far\n").expect("write");
    fs::write(
        root.path().join("a").join(FILE_NAME),
        "# comment\nexport BRAINTRUST_API_KEY=\"from # file\"\n\
         BRAINTRUST_APP_URL=http://file # trailing\nBRAINTRUST_NUM_RETRIES=7\n",
    )
    .expect("write");
    let settings = read(&[("BRAINTRUST_APP_URL", "http://env")], &inner);
    assert_eq!(settings.api_key.as_deref(), Some("from # file"));
    assert_eq!(settings.app_url.as_deref(), Some("http://env"));
    assert_eq!(settings.org_name, None, "the nearest file ends the search");
    assert_eq!(settings.num_retries, None, "not a variable the file may set");
    assert!(!format!("{settings:?}").contains("from #"));
}

#[test]
fn a_malformed_line_is_named() {
    let root = tempfile::tempdir().expect("tempdir");
    fs::write(root.path().join(FILE_NAME), "\nBRAINTRUST_API_KEY\n").expect("write");
    let error = Settings::read(&|_| None, root.path()).expect_err("malformed");
    assert!(error.to_string().ends_with(".env.braintrust:2: expected NAME=value"), "{error}");
}

#[test]
fn caches_have_the_places_and_names_of_the_published_clients() {
    let empty = tempfile::tempdir().expect("tempdir");
    let settings = read(
        &[
            ("HOME", "/srv/ada"),
            ("BRAINTRUST_PROMPT_CACHE_DIR", "/var/prompts"),
            ("BRAINTRUST_PROMPT_CACHE_MEMORY_MAX", "7"),
            ("BRAINTRUST_PROMPT_CACHE_DISK_MAX", "0"),
            ("BRAINTRUST_PARAMETERS_CACHE_DISK_MAX_SIZE", "9"),
            ("BRAINTRUST_CACHE_LOCATION", " Disk "),
        ],
        empty.path(),
    );
    let prompts = settings.prompt_cache.options(settings.cache_location);
    let expected = CacheOptions::new()
        .directory(PathBuf::from("/var/prompts"))
        .memory_max_entries(7)
        .location(CacheLocation::Disk);
    assert_eq!(prompts, expected, "a maximum of none is no number above 0");
    let parameters = settings.parameters_cache.options(None);
    let expected = CacheOptions::new()
        .directory(PathBuf::from("/srv/ada/.braintrust/parameters_cache"))
        .disk_max_entries(9);
    assert_eq!(parameters, expected);
    assert_eq!(settings.warnings.len(), 1, "{:?}", settings.warnings);

    let settings = read(&[("BRAINTRUST_CACHE_LOCATION", "attic")], empty.path());
    assert_eq!(settings.cache_location, None);
    assert!(settings.warnings[0].contains("mixed, memory, disk or none"));
}
