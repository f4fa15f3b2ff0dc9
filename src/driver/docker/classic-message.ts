/** An object of the stream of a classic builder; others may have written anything. */
export interface ClassicMessage {
  readonly stream?: unknown
  readonly status?: unknown
  readonly id?: unknown
  readonly progressDetail?: { readonly current?: unknown; readonly total?: unknown }
  readonly aux?: { readonly ID?: unknown }
  readonly error?: unknown
  readonly errorDetail?: { readonly code?: unknown; readonly message?: unknown }
}
