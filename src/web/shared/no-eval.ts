import { config } from "zod";

// The policy of the pages lets no text become code, which zod would try with each of its schemas: a page waits for this
// before it loads anything that makes one.
config({ jitless: true });
