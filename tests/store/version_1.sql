BEGIN TRANSACTION;
CREATE TABLE answer (
	conversation INTEGER NOT NULL, 
	message VARCHAR(64) NOT NULL, 
	number INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	model VARCHAR(255) NOT NULL, 
	backend TEXT NOT NULL, 
	billed BOOLEAN NOT NULL, 
	text TEXT NOT NULL, 
	request JSON NOT NULL, 
	prompt_tokens BIGINT, 
	completion_tokens BIGINT, 
	cached_tokens BIGINT, 
	neurons TEXT, 
	estimated BOOLEAN, 
	first_token FLOAT, 
	total FLOAT NOT NULL, 
	ending VARCHAR(16), 
	error JSON, 
	created BIGINT NOT NULL, 
	PRIMARY KEY (conversation, message, number), 
	FOREIGN KEY(conversation, message) REFERENCES message (conversation, id) ON DELETE CASCADE
);
INSERT INTO "answer" VALUES(1,'m2',0,'a1','@cf/meta/llama-3.2-1b-instruct','Cloudflare',1,'Because of Rayleigh.','{"model": "@cf/meta/llama-3.2-1b-instruct", "parameters": {}, "stream": true, "turn": "9af2bdc92ef8f3b568566267dcdb228973fe3da835b66c8b253941f5c5fa9ef5"}',10,20,0,'0.25',0,0.1,1.0,'FINISHED','{"kind": "RateLimited", "message": "Slow.", "advice": "Wait.", "code": 3021, "status": null, "retryable": false, "retry_after": null}',1764000001000);
INSERT INTO "answer" VALUES(1,'m4',0,'7d4bc22f909247979f528d297094ff02','@cf/meta/llama-3.2-1b-instruct','Twin',0,'It scatters','{"model": "@cf/meta/llama-3.2-1b-instruct", "parameters": {"a": 1}, "stream": true, "turn": "c1b7d5f4af213e34f141414c89ce3706865df40ef37902d5e29741ebbca27177"}',34,3,0,NULL,1,0.5,0.61,NULL,NULL,1764000001000);
CREATE TABLE conversation (
	"key" INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	owner VARCHAR(255) NOT NULL, 
	title TEXT NOT NULL, 
	title_edited BOOLEAN NOT NULL, 
	pinned BOOLEAN NOT NULL, 
	system TEXT NOT NULL, 
	settings JSON NOT NULL, 
	head VARCHAR(64), 
	messages INTEGER NOT NULL, 
	created BIGINT NOT NULL, 
	updated BIGINT NOT NULL, 
	deleted_at BIGINT, 
	PRIMARY KEY ("key"), 
	UNIQUE (id)
);
INSERT INTO "conversation" VALUES(1,'old','ann','Why is the sky blue?',0,0,'Be kind.','[{"name": "max_tokens", "value": 256, "sent": true}, {"name": "temperature", "value": 0.6, "sent": true}, {"name": "top_p", "value": 0.9, "sent": false}, {"name": "top_k", "value": 40, "sent": false}, {"name": "seed", "value": 42, "sent": false}, {"name": "repetition_penalty", "value": 1.1, "sent": false}, {"name": "frequency_penalty", "value": 0.2, "sent": false}, {"name": "presence_penalty", "value": 0.2, "sent": false}]','m4',4,1764000000000,1764000001000,NULL);
CREATE TABLE message (
	"key" INTEGER NOT NULL, 
	conversation INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	parent VARCHAR(64), 
	position INTEGER NOT NULL, 
	role VARCHAR(32) NOT NULL, 
	content TEXT NOT NULL, 
	PRIMARY KEY ("key"), 
	UNIQUE (conversation, id), 
	FOREIGN KEY(conversation) REFERENCES conversation ("key") ON DELETE CASCADE
);
INSERT INTO "message" VALUES(1,1,'m1',NULL,0,'user','Why is the sky blue?');
INSERT INTO "message" VALUES(2,1,'m2','m1',1,'assistant','Because of Rayleigh.');
INSERT INTO "message" VALUES(3,1,'m3','m2',2,'user','More0000?');
INSERT INTO "message" VALUES(4,1,'m4','m3',3,'assistant','');
CREATE TABLE paddock_version (
	version_num VARCHAR(32) NOT NULL, 
	CONSTRAINT paddock_version_pkc PRIMARY KEY (version_num)
);
INSERT INTO "paddock_version" VALUES('1');
CREATE TABLE turn (
	conversation INTEGER NOT NULL, 
	id VARCHAR(64) NOT NULL, 
	parent VARCHAR(64), 
	role VARCHAR(32) NOT NULL, 
	content TEXT NOT NULL, 
	PRIMARY KEY (conversation, id), 
	FOREIGN KEY(conversation) REFERENCES conversation ("key") ON DELETE CASCADE
);
INSERT INTO "turn" VALUES(1,'8be19d2bb5ac04c8cf0912bf7b2db195def53f4e62ea15e33a483ae62c05c262',NULL,'system','Be kind.');
INSERT INTO "turn" VALUES(1,'9af2bdc92ef8f3b568566267dcdb228973fe3da835b66c8b253941f5c5fa9ef5','8be19d2bb5ac04c8cf0912bf7b2db195def53f4e62ea15e33a483ae62c05c262','user','Why is the sky blue?');
INSERT INTO "turn" VALUES(1,'02f2f2db1c82f80896b52818448c0266a263dc3bf3a528c910ce69fca17a337c','9af2bdc92ef8f3b568566267dcdb228973fe3da835b66c8b253941f5c5fa9ef5','assistant','Because of Rayleigh.');
INSERT INTO "turn" VALUES(1,'c1b7d5f4af213e34f141414c89ce3706865df40ef37902d5e29741ebbca27177','02f2f2db1c82f80896b52818448c0266a263dc3bf3a528c910ce69fca17a337c','user','More0000?');
CREATE INDEX ix_conversation_list ON conversation (owner, pinned, updated);
COMMIT;
