// Whether a case belongs into the table, as far as that can be told here: words are looked for by the server only.

const number = (text) => (text === "" ? null : Number(text));
const moment = (text) => (text === "" ? null : Date.parse(text));

export class Filter {
  constructor(said) {
    Object.assign(this, {
      state: said.state, customer: said.customer, words: said.words, least: number(said.least), most: number(said.most),
      since: moment(said.since), until: moment(said.until),
    });
  }

  get wantsPassed() { return this.state === "passed" || this.state === "all"; }

  get isSure() { return this.words === ""; }

  takes(one) {
    return this.#takesState(one.state) && (this.customer === "" || one.customer === this.customer)
      && within(one.amount, this.least, this.most) && within(Date.parse(one.received_at), this.since, this.until);
  }

  #takesState(state) {
    return this.state === "all" || (this.state === "alerts" ? state !== "passed" : state === this.state);
  }
}

function within(value, least, most) {
  if (least === null && most === null) return true;
  return value !== null && (least === null || value >= least) && (most === null || value <= most);
}
