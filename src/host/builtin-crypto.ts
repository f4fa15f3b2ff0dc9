/*
 * The build puts this in the place of `node:crypto`: an `import` of that module makes Node load Web Crypto with it, which takes a fifth
 * of Node's own start-up time and is used nowhere here. `process.getBuiltinModule` does not.
 */
const crypto = process.getBuiltinModule('node:crypto')

/** As in `node:crypto`. */
export const { createHash, createHmac, createPrivateKey, createPublicKey, randomBytes, randomUUID, sign } = crypto
