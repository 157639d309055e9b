export * from "@sparkjsdev/spark";
