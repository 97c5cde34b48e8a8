/** Someone of the local stack who can be signed in as with one press. Only the development server knows any. */
export interface Someone {
  readonly name: string;
  readonly about: string;
  readonly token: string;
}
