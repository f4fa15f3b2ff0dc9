import { version } from '../version.ts'
import { loadProgram } from './load-program.ts'

// The process that works on steps: the code that V8 compiled in an earlier one is used again, as that of the program is
const { keep } = loadProgram(import.meta.dirname, 'steps', { version: version(), kind: 'worker' })
process.once('exit', keep)
