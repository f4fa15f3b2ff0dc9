import { setFlagsFromString } from 'node:v8'
import { version } from '../version.ts'
import { loadProgram } from './load-program.ts'

// Most functions of a worker run a few thousand times, to look at the files of a layer: to optimize them took a third of
// that time. V8 begins with it eight times later now; what packs and unpacks large trees still gets there
setFlagsFromString('--interrupt-budget=1000000')
// The process that works on steps: the code that V8 compiled in an earlier one is used again, as that of the program is
const { keep } = loadProgram(import.meta.dirname, 'steps', { version: version(), kind: 'worker' })
process.once('exit', keep)
