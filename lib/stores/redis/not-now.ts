/** Replies that mean "not now": nothing has run, and the same call succeeds once the server, or another one, is ready. */
const NOT_NOW =
  /^(?:Too many Cluster redirections\. Last error: (?:\w*Error: )?)?(BUSY|LOADING|MASTERDOWN|TRYAGAIN|CLUSTERDOWN|READONLY) /;

/** The word that such a reply begins with; undefined for any other error. */
export function notNow(error: Error): string | undefined {
  return NOT_NOW.exec(error.message)?.[1];
}

/** A clustered server is used as if it were a single one: the keys of a call belong to several slots, or to another node. */
export function isOfSeveralSlots({ message }: Error): boolean {
  return /^CROSSSLOT |^MOVED \d/.test(message);
}
