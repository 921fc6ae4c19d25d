// openai-node: prints what it was told, as JSON.
import OpenAI from "openai";

const { url, scenes, image, tool, schema } = JSON.parse(process.argv[2]);
const client = new OpenAI({ baseURL: `${url}/v1`, apiKey: "none", maxRetries: 0 });
const says = (content) => [{ role: "user", content }];
const tools = [{ type: "function", function: tool }];
const told = {};

const plain = await client.chat.completions.create({ model: "chat", messages: says(scenes.hello) });
told.plain = plain.choices[0].message.content;

const stream = client.chat.completions.stream({ model: "chat", messages: says(scenes.hello) });
told.pieces = 0;
stream.on("content", () => { told.pieces += 1; });
told.streamed = (await stream.finalChatCompletion()).choices[0].message.content;

const runner = client.chat.completions.runTools({
  model: "auto",
  messages: says(scenes.weather),
  stream: true,
  tools: [{ type: "function", function: { ...tool, parse: JSON.parse, function: ({ city }) => `21 degrees in ${city}` } }],
});
told.tools = await runner.finalContent();

const looked = await client.chat.completions.create({
  model: "chat",
  messages: says([{ type: "text", text: scenes.look }, { type: "image_url", image_url: { url: image } }]),
});
told.image = looked.choices[0].message.content;

const json = await client.chat.completions.create({
  model: "chat",
  messages: says(scenes.json),
  response_format: { type: "json_schema", json_schema: { name: "place", schema, strict: true } },
});
told.json = JSON.parse(json.choices[0].message.content);

const long = await client.chat.completions.create({ model: "chat", messages: says(scenes.long), stream: true });
for await (const chunk of long) {
  if (chunk.choices[0]?.delta.content) break; // leaving the loop aborts the request
}
told.after = (await client.chat.completions.create({ model: "chat", messages: says(scenes.hello) })).choices[0].message.content;

try {
  for await (const _ of await client.chat.completions.create({ model: "chat", messages: says(scenes.break), stream: true }));
} catch (error) {
  told.error = String(error.message);
}

const first = await client.responses.create({ model: "auto", input: scenes.weather, tools: [{ type: "function", strict: true, ...tool }] });
const call = first.output.find((item) => item.type === "function_call");
const events = await client.responses.create({
  model: "auto",
  previous_response_id: first.id,
  input: [{ type: "function_call_output", call_id: call.call_id, output: "21 degrees" }],
  stream: true,
});
told.responses = "";
for await (const event of events) {
  if (event.type === "response.output_text.delta") told.responses += event.delta;
}
console.log(JSON.stringify(told));
