// A connection to Souk that can be cut.
import net from "node:net";

export class Line {
	#sockets = new Set();
	#broken = false;

	static async to(base) {
		const { hostname, port } = new URL(base), line = new Line();
		line.server = net.createServer((near) => {
			near.on("error", () => {});
			if (line.#broken) { near.destroy(); return; }
			const far = net.connect(Number(port), hostname);
			far.on("error", () => {});
			for (const [one, other] of [[near, far], [far, near]]) {
				line.#sockets.add(one);
				one.on("close", () => { line.#sockets.delete(one); other.destroy(); });
				one.pipe(other);
			}
		});
		await new Promise((done) => line.server.listen(0, "127.0.0.1", done));
		line.url = `http://127.0.0.1:${line.server.address().port}`;
		return line;
	}

	// cut ends what goes on, and lets nothing new begin until it is mended.
	cut() {
		this.#broken = true;
		for (const s of this.#sockets) s.destroy();
	}

	mend() { this.#broken = false; }

	close() { this.cut(); this.server.close(); }
}
