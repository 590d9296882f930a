//! Every address that the clients make for people leads somewhere.

use crate::clients::{Client, World};

#[test]
fn links_lead_somewhere() {
    check(Client::NPM);
}

#[test]
fn links_of_an_older_package_lead_somewhere() {
    check(Client::NPM_3_3);
}

#[test]
fn links_of_python_lead_somewhere() {
    check(Client::PyPi);
}

fn check(client: Client) {
    let world = World::start();
    let links = world.report(client, "links", "linked");
    let links = links.as_array().expect("a list");
    // Two or more of a span in logs, of one in an experiment, and project, experiment, dataset.
    assert_eq!(links.len(), 8, "{links:?}");
    for link in links {
        world.open(link.as_str().expect("an address"));
    }
}
