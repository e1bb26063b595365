/** One call at a time, and of those that are wanted meanwhile only the last. */

export class Latest<Argument> {
  readonly #call: (argument: Argument) => Promise<void>;
  #running = false;
  #next: { readonly argument: Argument } | undefined;

  constructor(call: (argument: Argument) => Promise<void>) {
    this.#call = call;
  }

  request(argument: Argument): void {
    this.#next = { argument };
    if (!this.#running) void this.#run();
  }

  async #run(): Promise<void> {
    this.#running = true;
    try {
      for (let next = this.#next; next !== undefined; next = this.#next) {
        this.#next = undefined;
        await this.#call(next.argument);
      }
    } finally {
      this.#running = false;
    }
  }
}
