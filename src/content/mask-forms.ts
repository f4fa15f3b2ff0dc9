/** Programs break the lines of base64 after so many characters: base64 and MIME, openssl and PEM. */
const BREAKS = [76, 64]
/** Pieces of base64 that are shorter are words of anything. */
const MIN_BASE64 = 6

/** How programs write a line of a secret when they encode it: for URLs, in JSON, in base64. */
export function formsOf(line: string): ReadonlySet<string> {
  const forms = new Set([...urlForms(line), ...jsonForms(line), ...base64Forms(line)])
  forms.delete(line)
  return forms
}

function urlForms(line: string): string[] {
  // Half of a surrogate pair cannot be encoded
  const plain = encodeURIComponent(Buffer.from(line).toString('utf8'))
  const strict = plain.replaceAll(/[!'()*]/g, (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`)
  return [plain, strict].flatMap((form) => [
    form,
    form.replaceAll('%20', '+'),
    form.replaceAll('%2F', '/'),
    form.replaceAll(/%../g, (sign) => sign.toLowerCase()),
  ])
}

/** As JavaScript and most others write strings; as Go does; in ASCII alone, as Python does. */
function jsonForms(line: string): string[] {
  const plain = JSON.stringify(line).slice(1, -1)
  const unicode = (sign: string) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`
  return [
    plain,
    plain.replaceAll('/', '\\/'),
    plain.replaceAll(/[<>&\u2028\u2029]/g, unicode),
    plain.replaceAll(/[^\x20-\x7e]/g, unicode),
  ]
}

/** Alone, and in the middle of something: what neighbours have a share in is left out. */
function base64Forms(line: string): string[] {
  const bytes = Buffer.from(line)
  const whole = [0, 1, 2].map((shift) => {
    const all = Buffer.concat([Buffer.alloc(shift), bytes])
      .toString('base64')
      .replace(/=+$/, '')
    const sure = all.slice(Math.ceil((shift * 8) / 6), Math.floor(((shift + bytes.length) * 8) / 6))
    return sure.length < MIN_BASE64 ? [] : [sure]
  })
  const wrapped = BREAKS.flatMap((width) => {
    const all = bytes.toString('base64').replace(/=+$/, '')
    return all.length <= width ? [] : (all.match(new RegExp(`.{1,${width}}`, 'g')) ?? [])
  })
  const alone = bytes.toString('base64')
  const forms = [alone, alone.replace(/=+$/, ''), ...whole.flat(), ...wrapped]
  return [...forms, ...forms.map((form) => form.replaceAll('+', '-').replaceAll('/', '_'))]
}
