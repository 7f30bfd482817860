/** Which cases of a scenario a run takes. */
export type Select = <Case>(cases: readonly Case[]) => readonly Case[];

/** One case of the class, for `make test`. */
export const first: Select = (cases) => cases.slice(0, 1);

/** All the others, for `make test-slow`. */
export const rest: Select = (cases) => cases.slice(1);
