//! Prints the `OpenAPI` document as it is committed in `openapi/openapi.json`.

use std::io::Write as _;

fn main() -> std::io::Result<()> {
    std::io::stdout().write_all(api::document::committed().as_bytes())
}
