import { compact } from '../../compact.ts'
import { shorten } from '../flags.ts'
import { splitFields } from '../split.ts'
import type { FromInstruction } from '../types.ts'
import { failArguments, flagsOf, type Request } from './request.ts'

const STAGE_NAME = /^[a-z][a-z0-9-_.]*$/

/** `FROM [--platform=P] IMAGE [AS NAME]`; never dropped, so that what follows it keeps its stage. */
export function parseFrom(request: Request): FromInstruction {
  const { platform } = flagsOf(request, { platform: 'text' })
  const [image = '', as, name, ...more] = splitFields(request.rest)
  const { at, text } = request
  const from: FromInstruction = { kind: 'from', at, text, image, ...compact({ platform }) }
  if (image === '') {
    failArguments(request, 'it names no image', 'Write FROM IMAGE [AS NAME]')
    return from
  }
  if (as === undefined) return from
  if (as.toUpperCase() !== 'AS' || name === undefined || more.length > 0) {
    failArguments(request, 'it has neither one argument nor three', 'Write FROM IMAGE [AS NAME]')
    return from
  }
  const lower = name.toLowerCase()
  if (!STAGE_NAME.test(lower)) {
    const hint = 'Start it with a letter; use letters, digits, ".", "-" and "_" only'
    request.fail(
      'bad-stage-name',
      `Cannot use stage name "${shorten(name)}": it has characters that no name may have`,
      hint,
    )
    return from
  }
  return { ...from, as: name, ...(as === 'AS' ? {} : { asWord: as }) }
}
