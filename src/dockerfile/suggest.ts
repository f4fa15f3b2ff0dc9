export { suggest, suggestionHint } from '../suggest.ts'
