// `npm run build`: builds the packages that are out of date
import "./node-version.mjs";
import { prepare } from "./prepare.mjs";

await prepare();
