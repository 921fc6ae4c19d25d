// The Vercel AI SDK, over Chat Completions and over Responses: prints what it was told, as JSON.
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateObject, generateText, jsonSchema, stepCountIs, streamText, tool as makeTool } from "ai";

const { url, scenes, image, tool, schema } = JSON.parse(process.argv[2]);
const compatible = createOpenAICompatible({
  name: "service", baseURL: `${url}/v1`, apiKey: "none", includeUsage: true, supportsStructuredOutputs: true,
});
const openai = createOpenAI({ baseURL: `${url}/v1`, apiKey: "none" });
const tools = {
  [tool.name]: makeTool({
    description: tool.description,
    inputSchema: jsonSchema(schema),
    execute: async ({ city }) => `21 degrees in ${city}`,
  }),
};

async function drive(model) {
  const told = {};
  told.plain = (await generateText({ model: model("chat"), prompt: scenes.hello, maxRetries: 0 })).text;
  const streaming = streamText({ model: model("chat"), prompt: scenes.hello, maxRetries: 0 });
  told.pieces = 0;
  told.streamed = "";
  for await (const piece of streaming.textStream) {
    told.pieces += 1;
    told.streamed += piece;
  }
  told.usage = (await streaming.usage).totalTokens > 0;
  const calling = streamText({
    model: model("auto"), prompt: scenes.weather, tools, stopWhen: stepCountIs(3), maxRetries: 0,
  });
  told.tools = await calling.text;
  const picture = [{ type: "text", text: scenes.look }, { type: "image", image }];
  told.image = (await generateText({ model: model("chat"), messages: [{ role: "user", content: picture }], maxRetries: 0 })).text;
  told.json = (await generateObject({
    model: model("chat"), prompt: scenes.json, schema: jsonSchema(schema), maxRetries: 0,
  })).object;
  const abort = new AbortController();
  try {
    const left = streamText({ model: model("chat"), prompt: scenes.long, abortSignal: abort.signal, maxRetries: 0 });
    for await (const _ of left.textStream) abort.abort();
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  }
  told.after = (await generateText({ model: model("chat"), prompt: scenes.hello, maxRetries: 0 })).text;
  const breaking = streamText({
    model: model("chat"), prompt: scenes.break, maxRetries: 0, onError: ({ error }) => { told.error = String(error.message ?? JSON.stringify(error)); },
  });
  for await (const _ of breaking.textStream);
  return told;
}

console.log(JSON.stringify({ completions: await drive((id) => compatible(id)), responses: await drive((id) => openai.responses(id)) }));
