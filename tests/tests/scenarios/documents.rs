//! What documents and example files say is so.

use std::{path::Path, process::Command};

use pipeline_tests::deployment::{program, project};

/// Files that the README and the docs name in code or links exist.
#[test]
fn files_that_documents_name_are_there() {
    let root = project();
    let mut documents = vec![root.join("README.md"), root.join("CONTRIBUTING.md")];
    for folder in ["docs", "docs/adr", "docs/constructs", "docs/constructs/reference"] {
        for entry in std::fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "md") {
                documents.push(path);
            }
        }
    }
    let mut missing = Vec::new();
    let mut named = 0;
    for document in &documents {
        let text = std::fs::read_to_string(document).unwrap();
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.contains("://") && !link.starts_with('#')) {
            named += 1;
            let path = document.parent().unwrap().join(link.split('#').next().unwrap());
            if !path.exists() {
                missing.push(format!("{}: {link}", document.display()));
            }
        }
        let code = text.split('`').skip(1).step_by(2);
        let is_source =
            |file: &str| Path::new(file).extension().is_some_and(|end| end == "rs" || end == "yaml" || end == "sh");
        for file in code.filter(|code| is_source(code)) {
            if file.contains('/') && !file.contains(['*', ' ', '<']) && !file.chars().any(|c| c.is_ascii_uppercase()) {
                named += 1;
                if !root.join(file).exists() {
                    missing.push(format!("{}: {file}", document.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named > 20, "only {named} files are named");
}

/// Every test that the guarantees rest on is there.
#[test]
fn tests_that_the_guarantees_name_are_there() {
    let text = std::fs::read_to_string(project().join("docs/guarantees.md")).unwrap();
    let (mut named, mut missing) = (0, Vec::new());
    for row in text.lines().filter(|line| line.starts_with('|') && line.contains(".rs](../")) {
        let (_, cell) = row.rsplit_once("](../").unwrap();
        let (file, names) = cell.split_once(')').unwrap();
        let code = std::fs::read_to_string(project().join(file)).unwrap_or_default();
        for name in names.split('`').skip(1).step_by(2) {
            named += 1;
            if !code.contains(&format!("#[test]\nfn {name}(")) {
                missing.push(format!("{file}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
    assert!(named > 25, "only {named} tests are named");
}

/// The example configuration is read by the services: what they then miss is a broker, not a key.
#[test]
fn the_example_configuration_is_sound() {
    service::Config::load(Some(&project().join("deploy/vernier.yaml"))).unwrap();
}

/// The catalogue that the README checks.
#[test]
fn the_shipped_catalogue_is_sound() {
    let output = Command::new(program("vernier")).arg("check").current_dir(project()).output().unwrap();
    let told = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success() && told.contains("38 constructs"), "{told}");
}
