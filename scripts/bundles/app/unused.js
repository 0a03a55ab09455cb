// oxlint-disable-next-line no-unused-vars -- what remains of it is measured
import { io, Manager } from "bowline-client";

console.log("Hello");
