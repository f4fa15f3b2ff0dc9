import { parseGitUrl } from '../../dockerfile/git-url.ts'
import { showUrl } from '../../dockerfile/show-url.ts'
import { XbuildError } from '../../errors.ts'
import { cleanPath } from '../images/paths.ts'
import type { Place } from './hcl/ast.ts'

/** The git repository that bake files were read from: relative folders in them are folders of it. */
export interface Origin {
  /** As the user wrote it. */
  readonly url: string
  /** The commit that the files are of; contexts must be of the same one. Absent: it does not matter. */
  readonly commit?: string
}

/** A folder of the repository as a context. Throws BAD_OPTION when it is outside of it. */
export function contextInOrigin({ url, commit }: Origin, folder: string, at?: Place): string {
  const inside = cleanPath(`./${folder}`)
  if (inside === '..' || inside.startsWith('../'))
    throw new XbuildError('BAD_OPTION', `Cannot use the context "${folder}": it is outside of the repository`, {
      at,
      hint: `Its files are those of ${showUrl(url)}; cwd://FOLDER is a folder of this machine`,
    })
  const { subdir, checksum } = parseGitUrl(url)
  if (inside === '.' && (commit === undefined || checksum !== undefined)) return url
  const [, address = '', query = '', fragment = ''] = /^([^?#]*)(?:\?([^#]*))?(?:#(.*))?$/s.exec(url) ?? []
  const asked = new URLSearchParams(query)
  asked.delete('subdir')
  if (commit !== undefined && checksum === undefined) asked.set('checksum', commit)
  const ref = fragment.split(':')[0]!
  const whole = cleanPath(`${subdir ?? '.'}/${inside}`)
  const behind = `${ref}${whole === '.' ? '' : `:${encodeURI(whole)}`}`
  return `${address}${asked.size > 0 ? `?${asked}` : ''}${behind ? `#${behind}` : ''}`
}
