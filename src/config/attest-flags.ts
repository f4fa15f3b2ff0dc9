import * as read from './flag-values.ts'
import type { FlagsOf } from './flag.ts'
import { userOnly } from './project.ts'

/** Flags for what is said of an image beside it: provenance, list of contents, signatures. */
export const ATTEST_FLAGS: FlagsOf<'provenance' | 'sbom' | 'attest' | 'sign'> = {
  provenance: {
    name: 'provenance',
    project: 'free',
    placeholder: 'true|false|mode=min|mode=max[,KEY=VALUE]',
    group: 'advanced',
    key: 'provenance',
    help:
      'Add a provenance attestation to each image: base images, stages, native toolchains; mode=max (or true) adds build arguments and Dockerfile. ' +
      'KEY: version, builder-id, reproducible, inline-only, filename, form',
    default: 'false',
    absent: undefined,
    parse: read.provenance,
  },
  sbom: {
    name: 'sbom',
    project: 'free',
    placeholder: 'true|false|form=index|form=referrers',
    group: 'advanced',
    key: 'sbom',
    help: 'Add a list of contents to each image (SPDX): packages of Debian, Alpine, rpm, npm, Python and Go',
    default: 'false',
    absent: undefined,
    parse: read.sbom,
  },
  attest: {
    name: 'attest',
    project: 'free',
    placeholder: 'type=provenance|sbom[,KEY=VALUE]',
    repeat: true,
    group: 'advanced',
    key: 'attest',
    help:
      'The same as --provenance and --sbom, which take precedence; disabled=true switches it off; ' +
      'form=referrers keeps it beside the image (OCI 1.1 referrers), not in the index',
    absent: undefined,
    parse: read.attests,
  },
  sign: {
    name: 'sign',
    project: userOnly('signing uses a key or an identity of yours'),
    placeholder: 'key=FILE|key=env://NAME|keyless[,KEY=VALUE]|cosign[,key=KEY][,tlog=false]',
    group: 'advanced',
    help:
      'Sign what is pushed, before its tag moves, with a key (ECDSA P-256 in PEM, or of cosign with COSIGN_PASSWORD), ' +
      'as who the identity token of the CI service says (keyless: fulcio-url, rekor-url, timestamp-server-url, or signing-config; trusted-root), ' +
      'or with the program cosign; the signature is a referrer of the image',
    absent: undefined,
    parse: read.sign,
  },
}
