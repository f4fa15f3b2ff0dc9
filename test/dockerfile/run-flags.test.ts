import { expect, test } from 'vitest'
import { parseDockerfile } from '../../src/dockerfile/parse.ts'
import { withRunFlags } from '../../src/dockerfile/run-flags.ts'

const FLAG = '--mount=type=bind,from=packs,target=/dev/.xbuild'

function added(text: string, stages: readonly number[] = [0, 1, 2]): string {
  return withRunFlags(text, parseDockerfile(text, { file: 'Dockerfile' }).dockerfile, (index) =>
    stages.includes(index) ? FLAG : undefined,
  )
}

test.each([
  ['RUN', 'FROM a\nRUN make\n', `FROM a\nRUN ${FLAG} make\n`],
  ['lower case, and blanks before it', 'from a\n  run\tmake', `from a\n  run ${FLAG}\tmake`],
  [
    'flags',
    'FROM a\nRUN --mount=type=cache,target=/c --network=none make\n',
    `FROM a\nRUN ${FLAG} --mount=type=cache,target=/c --network=none make\n`,
  ],
  ['a list', 'FROM a\nRUN ["make", "all"]\n', `FROM a\nRUN ${FLAG} ["make", "all"]\n`],
  [
    'continued lines with comments',
    'FROM a\nRUN make \\\n  # RUN this\n  RUN \\\n\n  all\nRUN x\n',
    `FROM a\nRUN ${FLAG} make \\\n  # RUN this\n  RUN \\\n\n  all\nRUN ${FLAG} x\n`,
  ],
  [
    'nothing but the word in the first line',
    'FROM a\nRUN \\\n  make\nRUN\\\n make\n',
    `FROM a\nRUN ${FLAG} \\\n  make\nRUN ${FLAG}\\\n make\n`,
  ],
  [
    'another escape',
    '# escape=`\nFROM a\nRUN`\n make `\n  all\nRUN b\n',
    `# escape=\`\nFROM a\nRUN ${FLAG}\`\n make \`\n  all\nRUN ${FLAG} b\n`,
  ],
  [
    'heredocs',
    'FROM a\nRUN <<EOF sh <<-"B"\nRUN no\nEOF\n\tRUN no\n\tB\nCOPY <<X /x\nRUN no\nX\nRUN y\n',
    `FROM a\nRUN ${FLAG} <<EOF sh <<-"B"\nRUN no\nEOF\n\tRUN no\n\tB\nCOPY <<X /x\nRUN no\nX\nRUN ${FLAG} y\n`,
  ],
  ['ends of lines', '\ufeffFROM a\r\nRUN make\r\nRUN b\r\n', `\ufeffFROM a\r\nRUN ${FLAG} make\r\nRUN ${FLAG} b\r\n`],
  ['a word that goes on', 'FROM a\nRU\\\nN make\n', 'FROM a\nRU\\\nN make\n'],
  ['triggers', 'FROM a\nONBUILD RUN make\nENV RUN run\n', 'FROM a\nONBUILD RUN make\nENV RUN run\n'],
])('gives RUN one more flag: %s', (_, text, wanted) => {
  expect(added(text)).toBe(wanted)
})

test('leaves other stages as they are', () => {
  const text = 'FROM a AS one\nRUN 1\nFROM b\nRUN 2\nFROM one\nRUN 3\n'
  expect(added(text, [1])).toBe(text.replace('RUN 2', `RUN ${FLAG} 2`))
  expect(added(text, [])).toBe(text)
})

test('what is parsed afterwards is the same but for the mount', () => {
  const text = '# escape=`\nFROM a\nRUN --network=none make `\n # no\n all\nrun ["b", "c"]\nRUN <<E\nRUN x\nE\n'
  const read = (one: string) => parseDockerfile(one, { file: 'Dockerfile' })
  const strip = (value: unknown) =>
    JSON.stringify(value, (key, inner: unknown) =>
      key === 'text' || key === 'mounts' || key === 'flags' ? undefined : inner,
    )
  expect(read(added(text)).diagnostics).toEqual([])
  expect(strip(read(added(text)))).toBe(strip(read(text)))
})
